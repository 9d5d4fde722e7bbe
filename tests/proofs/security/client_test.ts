/** Malicious servers and proxies, against the Dialer. */

import net from "node:net";

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { Dialer, type DialerOptions } from "../../../src/client/dialer.ts";
import { DialError } from "../../../src/errors.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { RawFrameInit } from "../../../src/testing/raw_frame.ts";
import { makeAuthority } from "../../support/certificates.ts";
import {
  accepting,
  answering,
  type Serve,
  type ServerOptions,
  withServer,
} from "../../support/dial_server.ts";
import { echoing, failure, named, talk } from "../../support/dialing.ts";
import { test, toHex } from "../../support/helper.ts";
import { withProxy } from "../../support/proxy_server.ts";
import { listen } from "../../support/sockets.ts";

/** Registers an attack on the Dialer. */
function attack(row: number, what: string, fn: () => Promise<void>): void {
  test(`security ${row}: ${what}; Dialer`, async () => {
    await fn();
    // A Dialer that was attacked still dials.
    await withServer(echoing(), (url) => talk(url, {}));
  });
}

/** What a dial to a server fails with. */
async function refusal(
  serve: Serve,
  options: DialerOptions = {},
  server: ServerOptions = {},
): Promise<Error> {
  let error: unknown;
  await withServer(serve, async (url) => {
    error = await new Dialer(options).dial(url).catch((error) => error);
  }, server);
  assert(error instanceof Error, "The dial has succeeded");
  return error;
}

const DEFLATE = { enableCompression: true };

attack(9, "window bits that are none, in an answer", async () => {
  const end = "; server_no_context_takeover; client_no_context_takeover";
  for (const side of ["server", "client"]) {
    const name = `${side}_max_window_bits`;
    for (
      const value of [
        `${name}=0`,
        `${name}=7`,
        `${name}=16`,
        `${name}=99`,
        `${name}=1e1`,
        `${name}=""`,
        `${name}=-1`,
        `${name}`,
        `${name}=10; ${name}=10`,
      ]
    ) {
      const error = await refusal(
        answering((head) =>
          accepting(
            head,
            `Sec-WebSocket-Extensions: permessage-deflate; ${value}${end}`,
          )
        ),
        DEFLATE,
      );
      assert(error instanceof BadHandshakeError, `${value}: ${error}`);
    }
  }
});

attack(3, "extensions and subprotocols that nobody offered", async () => {
  for (
    const line of [
      "Sec-WebSocket-Extensions: permessage-deflate",
      "Sec-WebSocket-Extensions: __proto__",
      "Sec-WebSocket-Extensions: constructor; __proto__",
      "Sec-WebSocket-Protocol: __proto__",
      "Sec-WebSocket-Protocol: constructor",
    ]
  ) {
    const error = await refusal(answering((head) => accepting(head, line)));
    assert(error instanceof BadHandshakeError, `${line}: ${error}`);
  }
});

/** Sends frames behind the handshake; reads the client's close frame. */
function framing(frames: readonly RawFrameInit[], code: number): Serve {
  return async (peer) => {
    await peer.send(await accepting(await peer.readHead()));
    for (const frame of frames) peer.sendFrame(frame);
    await peer.expectClose(code);
  };
}

async function expectCodes(
  cases: readonly [frames: RawFrameInit[], code: number][],
): Promise<void> {
  for (const [frames, code] of cases) {
    await withServer(framing(frames, code), async (url) => {
      const { conn } = await new Dialer().dial(url);
      const { wasClean } = await conn.closed;
      assertEquals(wasClean, false);
    });
  }
}

attack(7, "lengths that overflow, from a server", () =>
  expectCodes([
    [[{ opcode: 2, length: 2n ** 64n - 1n, lengthBits: 64 }], 1002],
    [[{ opcode: 2, length: 2n ** 63n, lengthBits: 64 }], 1002],
    [[{ opcode: 2, length: 2n ** 62n, lengthBits: 64 }], 1009],
    [[{ opcode: 2, length: 2n ** 53n, lengthBits: 64 }], 1009],
  ]));

attack(13, "frames that are masked, from a server", () =>
  expectCodes([
    [[{ opcode: 1, mask: true, payload: "a" }], 1002],
    [[{ opcode: 9, mask: true }], 1002],
    [[{ opcode: 1, rsv: 4, payload: "a" }], 1002],
    [[{ opcode: 8, payload: new Uint8Array(1) }], 1002],
    [[{ opcode: 1, fin: false, payload: new Uint8Array([0xff]) }], 1007],
  ]));

attack(14, "an accept key that is none", async () => {
  const answers: ((head: string) => string | Promise<string>)[] = [
    async (head) => (await accepting(head)).replace(/(Accept: )./, "$1!"),
    async (head) => (await accepting(head)).replace(/=(?=\r)/, ""),
    async (head) =>
      (await accepting(head)).replace(
        /(?<=Accept: ).*(?=\r)/,
        (accept) => accept.toLowerCase(),
      ),
    async (head) =>
      (await accepting(head)).replace(/Sec-WebSocket-Accept: .*\r\n/, ""),
    async (head) =>
      (await accepting(head)).replace(/(Sec-WebSocket-Accept: .*\r\n)/, "$1$1"),
    // That of another key.
    () => accepting("\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"),
    async (head) => (await accepting(head)).replace("101", "200"),
    async (head) => (await accepting(head)).replace("websocket", "h2c"),
    async (head) => (await accepting(head)).replace("HTTP/1.1", "HTTP/1.0"),
  ];
  for (const answer of answers) {
    const error = await refusal(answering(answer));
    assert(error instanceof BadHandshakeError, `${error}`);
  }
});

attack(15, "keys and masks that can be foreseen", async () => {
  const keys = new Set<string>();
  const masks = new Set<string>();
  const dials = 8;
  const count = 300;
  await withServer(async (peer) => {
    const head = await peer.readHead();
    const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(head)?.[1] ?? "";
    assertEquals(atob(key).length, 16);
    keys.add(key);
    await peer.send(await accepting(head));
    for (let i = 0; i < count; i++) {
      const { mask } = await peer.readFrame();
      masks.add(toHex(mask!));
    }
    peer.end();
  }, async (url) => {
    for (let i = 0; i < dials; i++) {
      const { conn } = await new Dialer().dial(url);
      for (let j = 0; j < count; j++) conn.send("x");
      await conn.closed;
    }
  }, { count: dials });
  assertEquals(keys.size, dials);
  // Of random ones, one pair in a thousand runs is equal.
  assert(masks.size >= dials * count - 2, `${masks.size} masks`);
  assert(!masks.has("00 00 00 00"));
  // No byte of them stands still.
  for (let i = 0; i < 4; i++) {
    const bytes = new Set([...masks].map((mask) => mask.split(" ")[i]));
    assert(bytes.size > 200, `${bytes.size} values of byte ${i}`);
  }
});

attack(16, "headers and URLs that split the request", async () => {
  let connections = 0;
  const server = net.createServer((socket) => {
    connections++;
    socket.destroy();
  });
  const host = `127.0.0.1:${await listen(server)}`;
  const url = `ws://${host}/`;
  const dialer = new Dialer();
  const bad = ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\u010ab"];
  const dials: (() => Promise<unknown>)[] = [
    ...bad.map((value) => () =>
      dialer.dial(url, { headers: { "X-A": value } })
    ),
    ...bad.map((name) => () => dialer.dial(url, { headers: { [name]: "a" } })),
    ...bad.map((value) => () => dialer.dial(url, { headers: { Host: value } })),
    ...["\r", "\n", "\0", "\t"].map((char) => () =>
      dialer.dial(`ws://${host}/a${char} HTTP/1.1${char}X: y`)
    ),
    ...["\r", "\n", "\0"].map((char) => () => dialer.dial(`ws://a${char}b/`)),
    () => dialer.dial(url, { headers: { Cookie: "a=b\r\nX: y" } }),
    () => dialer.dial(`ws+unix:/tmp/a%00b:/`),
    // 17: those of the handshake itself.
    ...[
      "Sec-WebSocket-Key",
      "sec-websocket-accept",
      "Sec-WebSocket-Extensions",
      "Upgrade",
      "Connection",
      "Transfer-Encoding",
      "Content-Length",
    ].map((name) => () => dialer.dial(url, { headers: { [name]: "1" } })),
    () => dialer.dial(url, { headers: [["Host", "a"], ["host", "b"]] }),
  ];
  for (const dial of dials) {
    const error = await dial().catch((error) => error);
    assertEquals((error as Error)?.name, "TypeError", String(error));
  }
  for (const name of ["a b", "a\r\nb", "", "a,b", "é"]) {
    let error: unknown;
    try {
      new Dialer({ subprotocols: [name] });
    } catch (thrown) {
      error = thrown;
    }
    assertEquals((error as Error)?.name, "TypeError", name);
  }
  assertEquals(connections, 0);
  server.close();
});

attack(16, "a jar whose cookies split the request", async () => {
  for (const cookies of ["a=b\r\nX: y", "a=b\nX: y", "a=\0", "a=\u010a"]) {
    const jar = { getCookies: () => cookies, setCookies: () => {} };
    await withServer(() => Promise.resolve(), async (url) => {
      const error = await new Dialer({ jar }).dial(url).catch((error) => error);
      assertEquals(error.name, "TypeError");
    }, { count: 0 });
  }
});

attack(24, "redirects", async () => {
  let reached = 0;
  const other = net.createServer((socket) => {
    reached++;
    socket.destroy();
  });
  const port = await listen(other);
  const location = `ws://127.0.0.1:${port}/`;
  for (const status of [300, 301, 302, 303, 307, 308, 401, 407]) {
    const error = await refusal(
      answering(
        `HTTP/1.1 ${status} Go\r\nLocation: ${location}\r\n` +
          "WWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
      ),
    );
    assert(error instanceof BadHandshakeError, `${error}`);
    assertEquals(error.response.status, status);
    assertEquals(error.response.headers.get("location"), location);
  }
  assertEquals(reached, 0);
  other.close();
});

const authority = makeAuthority("the attacks' authority");
const certificate = authority.issue("127.0.0.1");
const tls = { ca: authority.cert };

attack(26, "a server that speaks HTTP/2", async () => {
  const served: unknown[] = [];
  const speak: Serve = async (peer, socket) => {
    served.push((socket as { alpnProtocol?: unknown }).alpnProtocol);
    // Its settings, and a promise that nobody asked for.
    peer.send(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    peer.send(new Uint8Array([0, 0, 5, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0x82]));
    await peer.ended;
  };
  // A server that wants nothing else says no, or is answered so by us.
  for (const ALPNProtocols of [["h2"], ["h2", "http/1.1"], []]) {
    const error = await refusal(speak, { tls }, {
      tls: { ...certificate, ALPNProtocols },
      count: 0,
    });
    assert(error instanceof DialError, `${error}`);
  }
  assert(!served.includes("h2"), `${served}`);
});

attack(27, "certificates that are for another host", async () => {
  const wrong = authority.issue("other.example", "127.0.0.2");
  const headers = { Host: "other.example" };
  const none: Serve = () => Promise.resolve();
  const options = { tls: wrong, count: 0 };
  await withServer(none, async (url) => {
    for (const host of ["127.0.0.1", "localhost"]) {
      const target = url.replace("127.0.0.1", host);
      const error = await new Dialer({ tls }).dial(target, { headers })
        .catch((error) => error);
      assert(error instanceof DialError, `${error}`);
      assertEquals(error.phase, "tls");
    }
  }, options);
  // The Host header does not matter where the certificate is right.
  await withServer(
    echoing(),
    (url) => talk(url, { tls }, headers),
    { tls: certificate },
  );
});

attack(27, "a proxy that is curious", async () => {
  const heads: string[] = [];
  const secrets = { Authorization: "Bearer secret", Cookie: "secret=1" };
  await withServer(echoing(heads), async (url) => {
    await withProxy(async ({ address, heads: seen }) => {
      const proxy = `http://user:pass@${address}`;
      await talk(named(url), { proxy }, secrets);
      assertEquals(seen.length, 1);
      assert(!/secret|cookie|sec-websocket/i.test(seen[0]!), seen[0]);
      assertStringIncludes(seen[0]!, "Proxy-Authorization: Basic ");
    });
  });
  assert(!/proxy-/i.test(heads[0]!), heads[0]);
  assertStringIncludes(heads[0]!, "Bearer secret");
});

attack(27, "a proxy that answers without end", async () => {
  for (
    const answer of [
      `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`,
      "HTTP/1.1 200 OK\r\n" + "X: y\r\n".repeat(2000),
      "HTTP/1.1 100 Continue\r\n\r\n".repeat(4000),
      "HTTP/1.1 " + "2".repeat(70_000),
    ]
  ) {
    await withServer(answering(answer), async (url) => {
      const proxy = url.replace("ws:", "http:");
      const error = await failure("ws://inner.example/", { proxy });
      assertEquals(error.phase, "proxy");
    });
  }
});

attack(34, "answers that a terminal acts upon", async () => {
  const evil = "\x1b[2J\x9b2J\x07";
  for (
    const answer of [
      `HTTP/1.1 101 ${evil}\r\n\r\n`,
      `${evil} 101\r\n\r\n`,
      `HTTP/1.1 101 X\r\n${evil}: a\r\n\r\n`,
      `HTTP/1.1 101 X\r\nA: ${evil}\r\n\r\n`,
    ]
  ) {
    let error: unknown = await refusal(answering(answer));
    for (; error instanceof Error; error = error.cause) {
      // deno-lint-ignore no-control-regex -- what must not be in it
      assert(!/[\x00-\x1f\x7f-\x9f]/.test(error.message), error.message);
    }
  }
});
