import { assert, assertEquals, assertMatch } from "@std/assert";
import WebSocket, { type ClientOptions } from "../../../src/ws/mod.ts";
import { accepting, withServer as withRaw } from "../../support/dial_server.ts";
import { test } from "../../support/helper.ts";
import { next, withServer } from "./support.ts";

/** The lines of the request that a client with these options sends. */
async function requestOf(
  options: ClientOptions,
  protocols: string[] = [],
): Promise<string[]> {
  let lines: string[] = [];
  await withRaw(async (peer) => {
    const head = await peer.readHead();
    lines = head.split("\r\n").filter((line) => line !== "");
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    await peer.ended;
  }, async (url) => {
    const ws = new WebSocket(url, protocols, options);
    ws.on("error", () => {});
    await next(ws, "close");
  });
  return lines.slice(1);
}

/** The lines of a header, by its name in lower case. */
function linesOf(lines: readonly string[], name: string): string[] {
  return lines.filter((line) => line.toLowerCase().startsWith(`${name}:`));
}

test("WebSocket writes the handshake's headers itself, whatever headers has", async () => {
  const lines = await requestOf({
    perMessageDeflate: false,
    headers: {
      host: "example.com",
      upgrade: "h2c",
      Connection: "keep-alive, cookie",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-version": "8",
      "sec-websocket-extensions": "permessage-deflate",
      "sec-websocket-accept": "a",
      "content-length": "5",
      "transfer-encoding": "chunked",
      "keep-alive": "timeout=5",
      te: "trailers",
      trailer: "X-Late",
      "proxy-authorization": "Basic YTpi",
      cookie: "a=b",
    },
  });
  assertEquals(lines[0], "Host: example.com");
  const [key, ...others] = linesOf(lines, "sec-websocket-key");
  assertEquals(others, []);
  assert(!key?.includes("AAAA"));
  assertEquals(lines.filter((line) => line !== key).slice(1), [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "cookie: a=b",
  ]);
});

test("WebSocket offers the subprotocols of a header where it is given none", async () => {
  const headers = { "sec-websocket-protocol": "a, b" };
  const name = "sec-websocket-protocol";
  assertEquals(
    linesOf(await requestOf({ headers }), name),
    ["sec-websocket-protocol: a, b"],
  );
  assertEquals(
    linesOf(await requestOf({ headers }, ["c"]), name),
    ["Sec-WebSocket-Protocol: c"],
  );
  await withRaw(async (peer) => {
    peer.send(accepting(await peer.readHead(), "Sec-WebSocket-Protocol: b"));
    await peer.ended;
  }, async (url) => {
    const ws = new WebSocket(url, { headers });
    await next(ws, "open");
    assertEquals(ws.protocol, "b");
    ws.terminate();
    await next(ws, "close");
  });
});

test("WebSocket passes on the headers of a request", async () => {
  await withServer(async (target, upstream) => {
    const seen = next(upstream, "connection");
    await withServer(async (url, proxy) => {
      const came = next(proxy, "connection");
      const client = new WebSocket(url, { headers: { Cookie: "a=b" } });
      const [, { headers }] = await came;
      const onward = new WebSocket(target, { headers });
      await next(onward, "open");
      const [, request] = await seen;
      assertEquals(
        [request.headers.cookie, request.headers.host],
        ["a=b", headers.host],
      );
      for (const ws of [onward, client]) {
        const over = next(ws, "close");
        ws.terminate();
        await over;
      }
    });
  });
});

test("WebSocket emits an error for a header that another peer may have sent", async () => {
  const cases: [headers: Record<string, string>, message: RegExp][] = [
    [{ host: "a/b" }, /^Cannot dial with Host "a\/b": /],
    [{ "sec-websocket-protocol": "a b" }, /^Cannot offer subprotocols "a b"/],
  ];
  for (const [headers, message] of cases) {
    const ws = new WebSocket("ws://127.0.0.1:1/", { headers });
    const over = next(ws, "close");
    const [error] = await next(ws, "error");
    assertMatch(error.message, message);
    await over;
  }
});

test("WebSocket sends a header once, the last of its name, and origin before all", async () => {
  const lines = await requestOf({
    origin: "https://app.example",
    headers: {
      origin: "https://old.example",
      "x-a": "1",
      "X-A": "2",
      "x-b": "1",
      "X-B": ["2", "3"],
      "x-c": "1",
      "X-C": undefined,
    },
  });
  assertEquals(linesOf(lines, "origin"), ["Origin: https://app.example"]);
  assertEquals(linesOf(lines, "x-a"), ["X-A: 2"]);
  assertEquals(linesOf(lines, "x-b"), ["X-B: 2", "X-B: 3"]);
  assertEquals(linesOf(lines, "x-c"), ["x-c: 1"]);
});
