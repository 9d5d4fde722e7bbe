/**
 * How gorilla/websocket answers a handshake, fact by fact, and where this
 * library does otherwise: then the name of the test says what it does here, as
 * the porting table of `.github/guides/MIGRATING.md` does.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import type { HandshakeError } from "../../../src/peer_errors.ts";
import type { HeadersLike } from "../../../src/handshake/headers.ts";
import { subprotocols } from "../../../src/handshake/subprotocol.ts";
import { isWebSocketUpgrade } from "../../../src/handshake/upgrade_request.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import {
  answerOf,
  connectRaw,
  head,
  startHttp,
  UPGRADE,
  upgrade,
  upgradeBut,
} from "../../support/http_server.ts";
import { maskedFrame } from "../../support/raw_peer.ts";
import { echo, portOf, serveAt } from "../../support/servers.ts";
import { deferred, test } from "../../support/helper.ts";

const TCP = { engine: "wire", carrier: "TCP", name: "wire" } as const;

/** The answer to a request that is refused. */
async function refusal(
  request: string,
  upgrader: UpgraderOptions = {},
): Promise<{ status: number; head: string; body: string }> {
  await using server = await serveAt(TCP, echo, { upgrader });
  return await answerOf("TCP", portOf(server), request);
}

/** The head of the answer of a server that may answer more requests. */
async function headOf(request: string): Promise<string> {
  await using server = await serveAt(TCP, echo);
  const peer = await connectRaw("TCP", portOf(server));
  peer.send(request);
  const lines = await peer.readHead();
  peer.destroy();
  await peer.closed;
  return lines;
}

/** The status and the headers of any answer, the application's among them. */
async function answer(
  request: string,
  options: UpgraderOptions = {},
  headers: HeadersLike = [],
): Promise<{ status: number; lines: string[] }> {
  const upgrader = new Upgrader(options);
  await using server = await startHttp("TCP", async (request, socket, head) => {
    const conn = await upgrader.upgradeSocket(request, socket, head, {
      headers,
    });
    conn?.terminate();
  });
  const peer = await connectRaw("TCP", server.port);
  peer.send(request);
  const lines = (await peer.readHead()).split("\r\n");
  peer.destroy();
  await peer.closed;
  return { status: Number(lines[0]!.slice(9, 12)), lines: lines.slice(1, -2) };
}

function request(headers: Record<string, string>): Request {
  return new Request("http://localhost/", { headers });
}

test("gorilla 1: the checks have an order, and a status each", async () => {
  const evil = "Origin: http://evil.example";
  const cases: [request: string, status: number][] = [
    [upgradeBut("Conn", "Connection: close"), 400],
    [upgradeBut("Upgrade", "Upgrade: h2c"), 426],
    [head("POST / HTTP/1.1", ...UPGRADE.slice(1)), 405],
    [upgradeBut("Sec-WebSocket-V"), 400],
    [upgradeBut("Sec-WebSocket-V", "Sec-WebSocket-Version: 8", evil), 400],
    [upgradeBut("Sec-WebSocket-K", evil), 403],
    [upgradeBut("Sec-WebSocket-K", "Sec-WebSocket-Key: c2hvcnQ="), 400],
  ];
  const heads: string[] = [];
  for (const [request] of cases) heads.push(await headOf(request));
  assertEquals(
    heads.map((head) => Number(head.slice(9, 12))),
    cases.map(([, status]) => status),
  );
  assertStringIncludes(heads[1]!.toLowerCase(), "upgrade: websocket");
  // A list of versions that has 13 is right.
  const versions = upgradeBut(
    "Sec-WebSocket-V",
    "Sec-WebSocket-Version: 8, 13",
  );
  assertEquals((await answer(versions)).status, 101);
  // The application's extensions are looked at before the origin.
  const extensions = { "Sec-WebSocket-Extensions": "x" };
  assertEquals(
    (await answer(head(...UPGRADE, evil), {}, extensions)).status,
    500,
  );
});

test("gorilla 2: a refusal has the version and the status text, never the reason", async () => {
  const { head: lines, body } = await refusal(
    upgradeBut("Sec-WebSocket-K"),
  );
  assertStringIncludes(lines.toLowerCase(), "sec-websocket-version: 13\r\n");
  assertStringIncludes(
    lines.toLowerCase(),
    "content-type: text/plain; charset=utf-8\r\n",
  );
  assertEquals(body, "Bad Request\n");
});

test("gorilla 3: the error callback gets status and reason, and writes the whole answer", async () => {
  let seen: HandshakeError | undefined;
  const { status, head: lines, body } = await refusal(
    upgradeBut("Sec-WebSocket-K"),
    {
      error: (_request, status, reason) => {
        seen = reason;
        return new Response(`${status}!`, { status: 418 });
      },
    },
  );
  assertEquals([status, body], [418, "400!"]);
  assertStringIncludes(seen!.message, "Sec-WebSocket-Key");
  assert(!/sec-websocket-version/i.test(lines));
});

test("gorilla 4: tokens are read whatever their case and lines, up to a malformed one", async () => {
  const connection = (...lines: string[]) =>
    upgradeBut("Conn", ...lines.map((value) => `Connection: ${value}`));
  const cases: [request: string, status: number][] = [
    [connection("keep-alive, uPGRADE"), 101],
    [connection("keep-alive", "Upgrade"), 101],
    [connection("Upgrade, a b"), 101],
  ];
  for (const [request, status] of cases) {
    assertEquals((await answer(request)).status, status, request);
  }
  // Node's own parser sees the token and hands over; here it is not seen.
  assertEquals(
    isWebSocketUpgrade(
      request({ Connection: "a b, Upgrade", Upgrade: "websocket" }),
    ),
    false,
  );
});

test("gorilla 5: the origin's host and port must be Host's, if there is an Origin", async () => {
  const cases: [origin: string | undefined, status: number][] = [
    [undefined, 101],
    ["http://localhost", 101],
    ["https://LOCALHOST", 101],
    ["http://localhost:8080", 403],
    ["http://evil.example", 403],
    ["null", 403],
    ["%", 403],
  ];
  for (const [origin, status] of cases) {
    const lines = origin === undefined ? [] : [`Origin: ${origin}`];
    const result = await answer(head(...UPGRADE, ...lines));
    assertEquals(result.status, status, origin);
  }
});

test("gorilla 6: the first of the client's offers that is listed is chosen, exactly, or none", async () => {
  const options = { subprotocols: ["chat.v1", "chat.v2"] };
  const choice = async (offer: string) => {
    const { status, lines } = await answer(
      head(...UPGRADE, `Sec-WebSocket-Protocol: ${offer}`),
      options,
    );
    assertEquals(status, 101);
    return lines.filter((line) => /^sec-websocket-protocol/i.test(line));
  };
  assertEquals(await choice("x, chat.v2, chat.v1"), [
    "Sec-WebSocket-Protocol: chat.v2",
  ]);
  assertEquals(await choice("CHAT.V1"), []);
  assertEquals(await choice("other"), []);
});

test("gorilla 7: without subprotocols the application's header counts, if it was offered; with them it is refused", async () => {
  const offering = head(...UPGRADE, "Sec-WebSocket-Protocol: chat");
  const chat = { "Sec-WebSocket-Protocol": "chat" };
  const { status, lines } = await answer(offering, {}, chat);
  assertEquals(status, 101);
  assert(lines.includes("Sec-WebSocket-Protocol: chat"));
  const refused = [
    await answer(head(...UPGRADE), {}, chat),
    await answer(offering, { subprotocols: ["chat"] }, chat),
  ];
  assertEquals(refused.map(({ status }) => status), [500, 500]);
});

test("gorilla 8: subprotocols() reads all lines", () => {
  const offers = request({});
  assertEquals(subprotocols(offers), []);
  offers.headers.append("Sec-WebSocket-Protocol", "a ,b");
  offers.headers.append("Sec-WebSocket-Protocol", "c");
  assertEquals(subprotocols(offers), ["a", "b", "c"]);
});

test("gorilla 9: the 101's headers have an order, and no control character gets into them", async () => {
  const { lines } = await answer(
    head(
      ...UPGRADE,
      "Sec-WebSocket-Protocol: chat",
      "Sec-WebSocket-Extensions: permessage-deflate",
    ),
    { subprotocols: ["chat"], enableCompression: true },
    [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]],
  );
  assertEquals(lines.map((line) => line.split(":")[0]), [
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Set-Cookie",
    "Set-Cookie",
  ]);
  assertEquals(lines.slice(0, 3), [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  ]);
  // gorilla sends a space instead.
  const split: HeadersLike = [["X", "a\r\nY: b"]];
  assertEquals((await answer(head(...UPGRADE), {}, split)).status, 500);
});

test("gorilla 10: permessage-deflate is agreed on by its parameters, and one that cannot be met is declined", async () => {
  const agreed = async (offer: string) => {
    const { lines } = await answer(
      head(...UPGRADE, `Sec-WebSocket-Extensions: ${offer}`),
      { enableCompression: true },
    );
    const line = lines.find((line) => /^sec-websocket-extensions/i.test(line));
    return line?.slice(line.indexOf(":") + 2);
  };
  assertEquals(
    await agreed("permessage-deflate"),
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
  );
  assertStringIncludes(
    await agreed("permessage-deflate; server_max_window_bits=10") ?? "",
    "server_max_window_bits=10",
  );
  assertEquals(await agreed("permessage-deflate; unheard_of"), undefined);
  assertEquals(await agreed("x-webkit-deflate-frame"), undefined);
});

test("gorilla 11: handshakeTimeout bounds the callbacks and the 101, and nothing after it", async () => {
  const late = deferred<void>();
  const { status } = await refusal(head(...UPGRADE), {
    handshakeTimeout: 500,
    authorize: () => late.promise,
  });
  late.resolve();
  assertEquals(status, 503);

  await using server = await serveAt(TCP, echo, {
    upgrader: { handshakeTimeout: 1000 },
  });
  const peer = await upgrade("TCP", portOf(server));
  const end = performance.now() + 1100;
  while (performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  peer.sendFrame({ opcode: 1, payload: "still here" });
  await peer.expectFrame({ opcode: 1, payload: "still here" });
  peer.destroy();
  await peer.closed;
});

test("gorilla 12: what the client sends behind its request is read first", async () => {
  await using server = await serveAt(TCP, echo);
  const peer = await upgrade("TCP", portOf(server), maskedFrame(1, "early"));
  await peer.expectFrame({ opcode: 1, payload: "early" });
  peer.destroy();
  await peer.closed;
});

test("gorilla 13: behind the 101 a failure ends the connection without an HTTP answer", async () => {
  const failed = deferred<unknown>();
  await using server = await serveAt(TCP, () => {
    throw new Error("secret");
  }, { onError: (error) => failed.resolve(error) });
  const peer = await upgrade("TCP", portOf(server));
  await peer.expectClose(1011, "");
  peer.sendFrame({ opcode: 8, payload: new Uint8Array([0x03, 0xf3]) });
  assertEquals((await peer.readRest()).length, 0);
  peer.destroy();
  await peer.closed;
  assertEquals((await failed.promise as Error).message, "secret");
});

test("gorilla 14: isWebSocketUpgrade() looks at Connection and Upgrade, and nothing else", () => {
  const both = { Connection: "keep-alive, Upgrade", Upgrade: "WebSocket" };
  assertEquals(isWebSocketUpgrade(request(both)), true);
  assertEquals(
    isWebSocketUpgrade(
      new Request("http://localhost/", { method: "POST", headers: both }),
    ),
    true,
  );
  assertEquals(isWebSocketUpgrade(request({ Upgrade: "websocket" })), false);
  assertEquals(isWebSocketUpgrade(request({ Connection: "Upgrade" })), false);
});
