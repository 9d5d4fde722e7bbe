/** Attacks by the head of an upgrade request. */

import { assert, assertEquals } from "@std/assert";

import { commandOf, Program, START_LIMIT } from "../../support/child.ts";
import { head, UPGRADE, upgradeBut } from "../../support/http_server.ts";
import { hex } from "../../support/helper.ts";
import { attack, EVERYWHERE, headerOf, isAttack, statusOf } from "./attack.ts";

// Half of what node:http takes of a head, so that the attack is not refused for
// its size.
const LONG = 8_000;
// How often an attack on the time is repeated: each takes a few milliseconds.
const REPEATS = 10;
const GENEROUS = 3_000;
// Where time is attacked: TLS adds nothing to it.
const PLAIN = EVERYWHERE.filter(({ carrier }) => carrier === "TCP");

/** The statuses of an attack that is repeated; together they take little time. */
async function askOften(
  ask: (request: string) => Promise<string>,
  request: string,
): Promise<Set<number>> {
  const statuses = new Set<number>();
  const start = performance.now();
  for (let i = 0; i < REPEATS; i++) statuses.add(statusOf(await ask(request)));
  const took = performance.now() - start;
  assert(took < GENEROUS, `${REPEATS} requests took ${took} ms`);
  return statuses;
}

attack(1, "2,500 headers", async ({ ask }) => {
  const many = Array.from({ length: 2500 }, (_, i) => `X-${i}: ${i}`);
  const few = Array(2500).fill("a:b");
  for (
    const request of [
      head(UPGRADE[0]!, ...many, ...UPGRADE.slice(1)),
      head(...UPGRADE, ...many),
      head(UPGRADE[0]!, ...few, ...UPGRADE.slice(1)),
      head(...UPGRADE, ...few),
    ]
  ) {
    const status = statusOf(await ask(request));
    assert(status === 400 || status === 431, `${status}`);
  }
  for (const missing of ["Upgrade", "Connection"]) {
    const answer = await ask(upgradeBut(missing));
    assert([400, 426].includes(statusOf(answer)), answer);
  }
}, { places: EVERYWHERE });

attack(2, "spaces in Sec-WebSocket-Protocol", async ({ ask }) => {
  const spaces = " ".repeat(LONG);
  for (const value of [`b${spaces}x`, `b,${spaces}x`, `b${spaces},x`, spaces]) {
    const request = head(...UPGRADE, `Sec-WebSocket-Protocol: ${value}`);
    assertEquals(await askOften(ask, request), new Set([101]));
  }
}, {
  places: PLAIN,
  upgrader: { subprotocols: ["a"] },
});

const offers: number[] = [];
attack(2, "a thousand subprotocols", async ({ ask }) => {
  offers.length = 0;
  const names = Array.from({ length: 1000 }, (_, i) => `p${i}`);
  await ask(head(...UPGRADE, `Sec-WebSocket-Protocol: ${names}`));
  assertEquals(offers, [256]);
}, {
  places: EVERYWHERE,
  upgrader: {
    subprotocols: (offered) => {
      if (offered.length > 0) offers.push(offered.length);
      return undefined;
    },
  },
});

attack(3, "the names of Object.prototype", async ({ ask, place }) => {
  const names = ["constructor", "__proto__", "toString", "hasOwnProperty"];
  for (const name of names) {
    for (
      const extension of [
        name,
        `${name}; ${name}`,
        `toString; ${name}=1`,
        `permessage-deflate; ${name}`,
        `permessage-deflate; ${name}=1`,
      ]
    ) {
      const answer = await ask(head(
        ...UPGRADE,
        `Sec-WebSocket-Extensions: ${extension}`,
        `Sec-WebSocket-Protocol: ${name}`,
        `${name}: ${name}`,
      ));
      assertEquals(statusOf(answer), 101, answer);
      assertEquals(headerOf(answer, "Sec-WebSocket-Protocol"), undefined);
      // Which offers Bun takes is its own affair.
      if (place.engine === "native") continue;
      assertEquals(headerOf(answer, "Sec-WebSocket-Extensions"), undefined);
    }
  }
}, {
  places: EVERYWHERE,
  upgrader: { subprotocols: ["chat"], enableCompression: true },
});

attack(4, "a quoted string that does not end", async ({ ask }) => {
  const pairs = "\\c".repeat(LONG / 2);
  for (const value of [`a;b="${pairs}`, `a;b="${pairs}\\`, `a;b=${pairs}"`]) {
    const request = head(...UPGRADE, `Sec-WebSocket-Extensions: ${value}`);
    assertEquals(await askOften(ask, request), new Set([400]));
  }
}, { places: PLAIN, upgrader: { enableCompression: true } });

attack(4, "thousands of extensions and parameters", async ({ ask }) => {
  for (const part of ["a,", "a;b,", "a;b=c;", 'a;b="c",']) {
    const value = part.repeat(LONG / part.length) + "a";
    const request = head(...UPGRADE, `Sec-WebSocket-Extensions: ${value}`);
    assertEquals(await askOften(ask, request), new Set([400]));
  }
}, { places: PLAIN, upgrader: { enableCompression: true } });

attack(9, "window bits that are none, offered", async ({ ask }) => {
  for (const side of ["server", "client"]) {
    for (
      const value of ["=0", "=7", "=16", "=99", "=1e1", '=""', "=-8", "=08"]
    ) {
      const offer = `permessage-deflate; ${side}_max_window_bits${value}`;
      const answer = await ask(
        head(...UPGRADE, `Sec-WebSocket-Extensions: ${offer}`),
      );
      // A value that is no token is malformed.
      const status = value === '=""' ? 400 : 101;
      assertEquals(statusOf(answer), status, answer);
      assertEquals(headerOf(answer, "Sec-WebSocket-Extensions"), undefined);
    }
    const name = `${side}_max_window_bits`;
    const twice = `permessage-deflate; ${name}=10; ${name}=10`;
    const answer = await ask(
      head(...UPGRADE, `Sec-WebSocket-Extensions: ${twice}`),
    );
    assertEquals(headerOf(answer, "Sec-WebSocket-Extensions"), undefined);
  }
}, { upgrader: { enableCompression: true } });

attack(9, "window bits of 8", async ({ upgrade, accept }) => {
  const peer = await upgrade(
    "Sec-WebSocket-Extensions: permessage-deflate; " +
      "server_max_window_bits=8; client_max_window_bits=8",
  );
  const conn = await accept();
  await conn.send("a".repeat(2000) + "Hello".repeat(100));
  const { rsv, payload } = await peer.readFrame();
  assertEquals(rsv, 4);
  // The same comes back as the client's.
  peer.sendFrame({ opcode: 1, rsv: 4, payload });
  const { data } = await conn.readMessage();
  assertEquals(data, "a".repeat(2000) + "Hello".repeat(100));
}, { upgrader: { enableCompression: true } });

const ORIGINS: readonly [origin: string | undefined, status: number][] = [
  [undefined, 101],
  ["http://localhost", 101],
  ["https://localhost", 101],
  ["http://LOCALHOST", 101],
  ["http://evil.example", 403],
  ["http://localhost.evil.example", 403],
  ["http://evil.example/localhost", 403],
  ["http://localhost:8080", 403],
  ["http://localhost:80", 403],
  ["http://localhost.", 403],
  ["http://localhost@evil.example", 403],
  ["http://evil.example@localhost", 403],
  ["http://localhost\\@evil.example", 403],
  ["http://localhost,http://evil.example", 403],
  ["http://[::1]", 403],
  ["http://%6cocalhost", 403],
  ["localhost", 403],
  ["http:localhost", 403],
  ["http://", 403],
  ["null", 403],
  ["", 403],
  ["file://", 403],
  ["http://loca\u00adlhost", 403],
];
attack(12, "the pages of other origins", async ({ ask }) => {
  for (const [origin, status] of ORIGINS) {
    const lines = origin === undefined ? [] : [`Origin: ${origin}`];
    const answer = await ask(head(...UPGRADE, ...lines));
    assertEquals(statusOf(answer), status, `${origin}: ${answer}`);
  }
  const ipv6 = ["Host: [::1]:8080", "Origin: http://[::1]:8080"];
  assertEquals(statusOf(await ask(upgradeBut("Host", ...ipv6))), 101);
  // Two of them; and what a proxy says of the host counts for nothing.
  for (
    const lines of [
      ["Origin: http://localhost", "Origin: http://evil.example"],
      ["Origin: http://evil.example", "X-Forwarded-Host: evil.example"],
    ]
  ) {
    assertEquals(statusOf(await ask(head(...UPGRADE, ...lines))), 403);
  }
}, { places: EVERYWHERE });

const INJECTED = /^(set-cookie|x-injected):/im;
const SPLITTERS = ["a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rb", "a\0b"];
let splitter = "";
attack(16, "header values that split the response", async ({ ask }) => {
  for (splitter of [...SPLITTERS, "\u010d\u010aX-Injected: 1"]) {
    const answer = await ask(head(...UPGRADE));
    assertEquals(statusOf(answer), 500, answer);
    assert(!INJECTED.test(answer), answer);
  }
}, {
  places: EVERYWHERE,
  upgrader: {
    authorize: (request) =>
      isAttack(request) ? { headers: { "X-A": splitter } } : {},
  },
});

attack(16, "header names that split the response", async ({ ask }) => {
  for (splitter of ["X-A: b\r\nX-Injected", "X-A\r\n", "X A", "X:", ""]) {
    const answer = await ask(head(...UPGRADE));
    assertEquals(statusOf(answer), 500, answer);
    assert(!INJECTED.test(answer), answer);
  }
}, {
  places: EVERYWHERE,
  upgrader: {
    authorize: (request) =>
      isAttack(request) ? { headers: [[splitter, "a"]] } : {},
  },
});

attack(16, "subprotocols that split the response", async ({ ask }) => {
  for (splitter of ["chat\r\nX-Injected: 1", "other"]) {
    const answer = await ask(
      head(...UPGRADE, "Sec-WebSocket-Protocol: chat"),
    );
    assertEquals(statusOf(answer), 500, answer);
    assert(!INJECTED.test(answer), answer);
  }
}, {
  places: EVERYWHERE,
  upgrader: {
    subprotocols: (offered) => offered.length > 0 ? splitter : undefined,
  },
});

let own: Record<string, string> = {};
attack(17, "headers of the handshake from the application", async ({ ask }) => {
  for (
    const name of [
      "Sec-WebSocket-Accept",
      "sec-websocket-extensions",
      "SEC-WEBSOCKET-VERSION",
      "Upgrade",
      "Connection",
      "Transfer-Encoding",
      "Content-Length",
    ]
  ) {
    own = { [name]: "1" };
    const answer = await ask(head(...UPGRADE));
    assertEquals(statusOf(answer), 500, answer);
  }
}, {
  places: EVERYWHERE,
  upgrader: {
    authorize: (request) => isAttack(request) ? { headers: own } : {},
  },
});

const urls: string[] = [];
attack(25, "targets that name another host", async ({ ask }) => {
  urls.length = 0;
  const lines = UPGRADE.slice(1);
  for (
    const [target, status] of [
      ["http://internal.example/ws", 101],
      ["http://internal.example:1/ws", 101],
      ["//internal.example/ws", 404],
      ["http://internal.example", 404],
      ["ws://internal.example/ws", 400],
      ["file:///ws", 400],
      ["internal.example:443", 400],
      ["*", 400],
      ["/ws#/other", 400],
      ["/other/../ws", 101],
      ["/\\internal.example/ws", 404],
    ] as const
  ) {
    const answer = await ask(head(`GET ${target} HTTP/1.1`, ...lines));
    assertEquals(statusOf(answer), status, `${target}: ${answer}`);
  }
  assertEquals(urls, Array(3).fill("localhost/ws"));
  for (const host of ["a@b", "a/b", "a?b", "a\\b", "a b", "a#b", "", "a:b:c"]) {
    const answer = await ask(upgradeBut("Host", `Host: ${host}`));
    assertEquals(statusOf(answer), 400, `${host}: ${answer}`);
  }
  for (const hosts of [["Host: a", "Host: b"], []]) {
    const answer = await ask(upgradeBut("Host", ...hosts));
    assertEquals(statusOf(answer), 400, answer);
  }
}, {
  serve: { path: "/ws" },
  onConn: (conn, request) => {
    const { host, pathname } = new URL(request.url);
    urls.push(host + pathname);
    conn.terminate();
  },
});

attack(32, "a body on the upgrade request", async ({ ask }) => {
  for (
    const request of [
      head(...UPGRADE, "Content-Length: 5") + "Hello",
      head(...UPGRADE, "Content-Length: 0, 5") + "Hello",
      head(...UPGRADE, "Content-Length: 5", "Content-Length: 0") + "Hello",
      head(...UPGRADE, "Transfer-Encoding: chunked") + "0\r\n\r\n",
      head(...UPGRADE, "Transfer-Encoding: chunked", "Content-Length: 5") +
      "0\r\n\r\n",
      head(...UPGRADE, "Transfer-Encoding: identity"),
      head(...UPGRADE, "Transfer-Encoding : chunked"),
      head(...UPGRADE, "Content-Length: +5"),
    ]
  ) {
    assertEquals(statusOf(await ask(request)), 400);
  }
});

let requests = 0;
attack(32, "a second request behind the upgrade", async (target) => {
  requests = 0;
  const peer = await target.connect();
  peer.send(head(...UPGRADE) + head("GET /admin HTTP/1.1", "Host: a"));
  assertEquals(statusOf(await peer.readHead()), 101);
  // "G" is a frame with RSV1.
  await peer.expectClose(1002);
  peer.destroy();
  await (await target.accept()).closed;
  assertEquals(requests, 0);
}, {
  serve: {
    fetch: () => {
      requests++;
      return new Response("secret");
    },
  },
});

attack(33, "spaces and commas in Upgrade and Connection", async ({ ask }) => {
  for (
    const filler of [" ".repeat(LONG), ",".repeat(LONG), ", ".repeat(LONG / 2)]
  ) {
    for (const name of ["Connection", "Upgrade"]) {
      const [good] = UPGRADE.filter((line) => line.startsWith(name));
      const value = good!.slice(name.length + 2);
      for (
        const request of [
          upgradeBut(name, `${name}: ${filler},${value}`),
          upgradeBut(name, `${name}: ${value},${filler}x`),
          upgradeBut(name, `${name}: x${filler}x`),
        ]
      ) {
        for (const status of await askOften(ask, request)) {
          assert([101, 400, 426].includes(status), `${status}`);
        }
      }
    }
  }
}, { places: PLAIN, timeout: 30_000 });

attack(33, "64 KiB of spaces in Upgrade and Connection", async ({ ask }) => {
  for (const name of ["Connection", "Upgrade"]) {
    const request = upgradeBut(name, `${name}: x${" ".repeat(65_536)}x`);
    const status = statusOf(await ask(request));
    assert([400, 426, 431].includes(status), `${status}`);
  }
});

attack(32, "frames before the answer", async (target) => {
  const peer = await target.connect();
  const request = new TextEncoder().encode(head(...UPGRADE));
  peer.send(new Uint8Array([...request, ...hex("81 82 00 00 00 00 48 69")]));
  assertEquals(statusOf(await peer.readHead()), 101);
  assertEquals((await (await target.accept()).readMessage()).data, "Hi");
});

// What the server has upgraded in a turn of the event loop.
let upgraded = 0;

attack(90, "connections as fast as they are answered", async ({ port }) => {
  let most = 0;
  let turn = setImmediate(function count() {
    most = Math.max(most, upgraded);
    upgraded = 0;
    turn = setImmediate(count);
  });
  const file = new URL("../../support/upgrade_flood.ts", import.meta.url);
  await using client = new Program(commandOf(file, [`${port}`, "4000"]));
  assertEquals(await client.readLine(START_LIMIT), "done");
  clearImmediate(turn);
  assert(most < 200, `${most} upgrades in a turn`);
}, {
  places: PLAIN,
  timeout: 120_000,
  onConn: () => void upgraded++,
});
