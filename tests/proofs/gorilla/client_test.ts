/**
 * How gorilla/websocket dials, fact by fact, and where this library does
 * otherwise: then the name of the test says what it does here, as the porting
 * table of `.github/guides/MIGRATING.md` does.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import tls from "node:tls";

import { makeAuthority } from "../../support/certificates.ts";
import { accepting, answering, withServer } from "../../support/dial_server.ts";
import { Dialer, type DialerOptions } from "../../../src/client/dialer.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { HeadersLike } from "../../../src/handshake/headers.ts";
import { socketStream } from "../../../src/runtime/sockets/socket_stream.ts";
import { deferred, test } from "../../support/helper.ts";

/** What a dial comes to that must be refused. */
async function refusal(
  answer: string | ((head: string) => string | Promise<string>),
  options: DialerOptions = {},
): Promise<BadHandshakeError> {
  let error: unknown;
  await withServer(answering(answer), async (url) => {
    error = await new Dialer(options).dial(url).catch((error) => error);
  });
  assertInstanceOf(error, BadHandshakeError);
  return error as BadHandshakeError;
}

/** The request's head, and the connection's subprotocol. */
async function accepted(
  options: DialerOptions,
  headers: HeadersLike,
  ...answer: string[]
): Promise<{ head: string; subprotocol: string }> {
  let head = "";
  let subprotocol = "";
  await withServer(async (peer) => {
    head = await peer.readHead();
    peer.send(await accepting(head, ...answer));
    await peer.ended;
  }, async (url) => {
    const { conn } = await new Dialer(options).dial(url, { headers });
    subprotocol = conn.subprotocol;
    conn.terminate();
    await conn.closed;
  });
  return { head, subprotocol };
}

test("gorilla 15: only ws and wss are dialed, and no URL with user info", async () => {
  const urls = ["http://a/", "https://a/", "a/b", "ws://user@a/", "ftp://a/"];
  for (const url of urls) {
    await assertRejects(() => new Dialer().dial(url), TypeError);
  }
});

test("gorilla 16: the handshake's own headers may not be given, before anything is dialed", async () => {
  let dialed = 0;
  const dialer = new Dialer({
    subprotocols: ["chat"],
    netDial: () => {
      dialed++;
      throw new Error("dialed");
    },
  });
  for (
    const name of [
      "Upgrade",
      "Connection",
      "Sec-Websocket-Key",
      "Sec-Websocket-Version",
      "Sec-Websocket-Extensions",
      "Sec-Websocket-Protocol",
    ]
  ) {
    await assertRejects(
      () => dialer.dial("ws://127.0.0.1/", { headers: { [name]: "x" } }),
      TypeError,
      `duplicate header not allowed: ${name}`,
    );
  }
  assertEquals(dialed, 0);
  // Without the option, the header is the application's.
  const headers = { "Sec-WebSocket-Protocol": "chat" };
  const { head } = await accepted({}, headers);
  assertStringIncludes(head, "Sec-WebSocket-Protocol: chat\r\n");
});

test("gorilla 17: a Host header changes nothing but itself", async () => {
  const { head } = await accepted({}, { Host: "elsewhere.example" });
  assertEquals(head.match(/^Host: .*$/gim), ["Host: elsewhere.example"]);
});

test("gorilla 20: the timeout and the signal bound the whole handshake", async () => {
  const controller = new AbortController();
  const silent = async (options: DialerOptions) => {
    let error: unknown;
    const reason = new Error("enough");
    await withServer(async (peer) => {
      await peer.readHead();
      if (options.handshakeTimeout === undefined) controller.abort(reason);
      await peer.ended;
    }, async (url) => {
      const { signal } = controller;
      error = await new Dialer(options).dial(url, { signal })
        .catch((error) => error);
    });
    return [error, reason];
  };
  const [late] = await silent({ handshakeTimeout: 1000 });
  assertEquals((late as Error).name, "TimeoutError");
  const [error, reason] = await silent({});
  assertEquals(error, reason);
});

test("gorilla 20: the timeout and the signal end with the handshake", async () => {
  const late = deferred();
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await late.promise;
    peer.sendFrame({ opcode: 1, payload: "late" });
    await peer.ended;
  }, async (url) => {
    const controller = new AbortController();
    const { conn } = await new Dialer({ handshakeTimeout: 1000 }).dial(url, {
      signal: controller.signal,
    });
    controller.abort();
    const end = performance.now() + 1100;
    while (performance.now() < end) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    late.resolve();
    assertEquals((await conn.readMessage()).data, "late");
    conn.terminate();
    await conn.closed;
  });
});

test("gorilla 21: success needs 101, Upgrade, Connection and the accept key; else the answer and 1024 bytes of it", async () => {
  const but = (from: string | RegExp, to: string) => async (head: string) =>
    (await accepting(head)).replace(from, to);
  for (
    const answer of [
      but("101 Switching Protocols", "200 OK"),
      but("Upgrade: websocket", "Upgrade: h2c"),
      but("Connection: Upgrade", "Connection: close"),
      but(/Accept: ./, "Accept: -"),
    ]
  ) await refusal(answer);

  const { response } = await refusal(
    `HTTP/1.1 403 Forbidden\r\nX-Why: a\r\nContent-Length: 2000\r\n\r\n${
      "x".repeat(2000)
    }`,
  );
  assertEquals(response.status, 403);
  assertEquals(response.headers.get("x-why"), "a");
  assertEquals(response.body.length, 1024);
});

test("gorilla 22: no redirect is followed", async () => {
  const { response } = await refusal(
    "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
  );
  assertEquals(response.status, 302);
  assertEquals(response.headers.get("location"), "ws://127.0.0.1:1/");
});

test("gorilla 23: an extension's answer must fit the offer", async () => {
  const extension = (value: string) => (head: string) =>
    accepting(head, `Sec-WebSocket-Extensions: ${value}`);
  const both = "server_no_context_takeover; client_no_context_takeover";
  const offering = { enableCompression: true };
  await refusal(extension("permessage-deflate"), offering);
  await refusal(extension("x-other"), offering);
  // gorilla takes what it has not asked for.
  await refusal(extension(`permessage-deflate; ${both}`));
  await accepted(
    offering,
    [],
    `Sec-WebSocket-Extensions: permessage-deflate; ${both}`,
  );
});

test("gorilla 24: subprotocol is what the server chose, which must have been offered", async () => {
  const options = { subprotocols: ["a", "b"] };
  const { subprotocol } = await accepted(
    options,
    [],
    "Sec-WebSocket-Protocol: b",
  );
  assertEquals(subprotocol, "b");
  assertEquals((await accepted(options, [])).subprotocol, "");
  await refusal(
    (head) => accepting(head, "Sec-WebSocket-Protocol: c"),
    options,
  );
});

test("gorilla 26: netDial may bring an encrypted connection to ws:, and the server's name is the host without its port", async () => {
  const authority = makeAuthority("the authority of this test");
  const { cert, key } = authority.issue("127.0.0.1", "localhost");
  const names: unknown[] = [];
  await withServer(async (peer, socket) => {
    names.push((socket as tls.TLSSocket & { servername?: unknown }).servername);
    peer.send(await accepting(await peer.readHead()));
    await peer.ended;
  }, async (url) => {
    const { port } = new URL(url);
    const own = new Dialer({
      netDial: async () => {
        const socket = tls.connect({
          host: "127.0.0.1",
          port: Number(port),
          servername: "localhost",
          ca: authority.cert,
        });
        const connected = deferred();
        socket.once("secureConnect", connected.resolve);
        socket.once("error", connected.reject);
        await connected.promise;
        return socketStream(socket);
      },
    });
    const ours = new Dialer({ tls: { ca: authority.cert } });
    for (
      const dialing of [
        own.dial("ws://other.example/"),
        ours.dial(`wss://localhost:${port}/`),
      ]
    ) {
      const { conn } = await dialing;
      conn.terminate();
      await conn.closed;
    }
  }, { tls: { cert, key }, count: 2 });
  assertEquals(names, ["localhost", "localhost"]);
  assert(!("netDialTLS" in new Dialer()));
});
