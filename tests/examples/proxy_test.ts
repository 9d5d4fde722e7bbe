import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { formatCloseMessage } from "../../src/close.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { dial } from "../../src/client/dialer.ts";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import type { RawPeer } from "../../src/testing/raw_peer.ts";
import { rawDial } from "../../src/testing/mod.ts";
import { accepting, withServer } from "../support/dial_server.ts";
import { deferred, test } from "../support/helper.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

type Ends = [client: RawPeer, target: RawPeer, requestHead: string];

/** Runs the proxy in front of the target; gives its URL. */
async function withProxy(
  target: string,
  fn: (url: string) => Promise<void>,
  ...args: string[]
): Promise<void> {
  await using proxy = new Program("proxy.ts", [target, "--port=0", ...args], {
    allow: ["--allow-net"],
  });
  await fn(`ws://127.0.0.1:${await proxy.port()}`);
  proxy.interrupt();
  assertEquals(await proxy.exited, 0, proxy.stderr);
}

/** Tells both ends of connections through one proxy, one after the other. */
async function withEnds(
  count: number,
  fn: (open: () => Promise<Ends>) => Promise<void>,
): Promise<void> {
  let accepted: (target: [RawPeer, string]) => void = () => {};
  const finished = deferred();
  await withServer(async (peer) => {
    const head = await peer.readHead();
    peer.send(await accepting(head));
    accepted([peer, head]);
    await finished.promise;
  }, (target) =>
    withProxy(target, async (url) => {
      const clients: RawPeer[] = [];
      try {
        await fn(async () => {
          const { promise, resolve } = deferred<[RawPeer, string]>();
          accepted = resolve;
          const { peer } = await rawDial(url);
          clients.push(peer);
          return [peer, ...await promise];
        });
      } finally {
        finished.resolve();
        for (const client of clients) client.destroy();
      }
    }), { count });
}

test("the example proxy passes the handshake on", async () => {
  await withServer(async (peer) => {
    const head = await peer.readHead();
    assertStringIncludes(head, "GET /base/room?a=b HTTP/1.1\r\n");
    assertStringIncludes(head, "\r\nSec-WebSocket-Protocol: a, b\r\n");
    assertStringIncludes(head, "\r\nX-Forwarded-For: 127.0.0.1\r\n");
    assertStringIncludes(head, "\r\nCookie: c=d\r\n");
    assertEquals(/secret/i.test(head), false);
    peer.send(
      await accepting(
        head,
        "Sec-WebSocket-Protocol: b",
        "Set-Cookie: e=f",
        "Set-Cookie: g=h",
        "X-Secret: 1",
      ),
    );
    await peer.expectClose(1001);
    peer.sendFrame({ opcode: 8, payload: formatCloseMessage(1001) });
    peer.end();
    await peer.readRest();
  }, (target) =>
    withProxy(`${target}base/`, async (url) => {
      const { peer, head } = await rawDial(`${url}/room?a=b`, {
        subprotocols: ["a", "b"],
        headers: { "Cookie": "c=d", "X-Secret": "1" },
      });
      assertStringIncludes(head, "\r\nSec-WebSocket-Protocol: b\r\n");
      assertEquals(
        [...head.matchAll(/set-cookie: (.*)/gi)].map(([, value]) => value),
        ["e=f", "g=h"],
      );
      assertEquals(/secret/i.test(head), false);
      peer.destroy();
    }));
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example proxy streams both ways and answers pings", async () => {
  await withEnds(1, async (open) => {
    const [client, target] = await open();
    client.sendFrame({ opcode: 1, fin: false, payload: "to " });
    const first = await target.expectFrame({ opcode: 1, fin: false });
    let text = new TextDecoder().decode(first.payload);
    client.sendFrame({ opcode: 0, fin: true, payload: "target" });
    for (let fin = false; !fin;) {
      const frame = await target.expectFrame({ opcode: 0 });
      text += new TextDecoder().decode(frame.payload);
      fin = frame.fin;
    }
    assertEquals(text, "to target");
    client.sendFrame({ opcode: 9, payload: "ping" });
    await client.expectFrame({ opcode: 10, payload: "ping" });
    target.sendFrame({ opcode: 9, payload: "ping" });
    await target.expectFrame({ opcode: 10, payload: "ping" });

    const size = 5_000_000;
    target.sendFrame({ opcode: 2, payload: new Uint8Array(size).fill(7) });
    for (let read = 0; read < size;) {
      const { payload } = await client.readFrame();
      assertEquals(payload.every((byte) => byte === 7), true);
      read += payload.length;
    }
  });
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example proxy waits for a side that reads slowly", async () => {
  await withEnds(4, async (open) => {
    const size = 32 * 1024 * 1024;
    for (const side of [0, 1] as const) {
      const [slow, fast] = [await open(), await open()];
      const send = (ends: Ends) =>
        (ends[side] as RawPeer).sendFrame({
          opcode: 2,
          payload: new Uint8Array(size),
        });
      const receive = async (ends: Ends) => {
        const to = ends[1 - side] as RawPeer;
        for (let read = 0; read < size;) {
          read += (await to.readFrame()).payload.length;
        }
      };
      (slow[1 - side] as RawPeer).pause();
      let taken = false;
      const sent = send(slow).then(() => taken = true);
      // In the time that this takes, the other would have been taken as well.
      send(fast);
      await receive(fast);
      assertEquals(taken, false);
      (slow[1 - side] as RawPeer).resume();
      await receive(slow);
      await sent;
    }
  });
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

/** Payloads of a close frame, or a cut, and what the other side gets. */
const CLOSES: [
  sent: Uint8Array | "cut" | "cut amid a message",
  toTarget: Uint8Array,
  toClient: Uint8Array,
][] = [
  ...[
    formatCloseMessage(1000, "good-bye"),
    formatCloseMessage(4321, "ünïcode"),
    formatCloseMessage(1005),
  ].map((payload): [Uint8Array, Uint8Array, Uint8Array] => [
    payload,
    payload,
    payload,
  ]),
  ["cut", formatCloseMessage(1001), formatCloseMessage(1014)],
  ["cut amid a message", formatCloseMessage(1001), formatCloseMessage(1014)],
];

test("the example proxy passes the end on, either way", async () => {
  await withEnds(2 * CLOSES.length, async (open) => {
    for (const [sent, ...expected] of CLOSES) {
      for (const side of [0, 1] as const) {
        const ends = await open();
        const [from, to] = [ends[side], ends[1 - side] as RawPeer];
        if (sent instanceof Uint8Array) {
          from.sendFrame({ opcode: 1, payload: "last" });
          from.sendFrame({ opcode: 8, payload: sent });
          await to.expectFrame({ opcode: 1, payload: "last" });
        } else {
          if (sent !== "cut") {
            from.sendFrame({ opcode: 1, fin: false, payload: "half" });
            await to.expectFrame({ opcode: 1, fin: false, payload: "half" });
          }
          from.reset();
        }
        await to.expectFrame({ opcode: 8, payload: expected[side]! });
        to.sendFrame({ opcode: 8, payload: expected[side]! });
        if (side === 0) to.end();
        await to.readRest();
      }
    }
  });
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example proxy refuses as the target does", async () => {
  await withServer(async (peer) => {
    await peer.readHead();
    peer.send(
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n" +
        "X-Secret: 1\r\nContent-Length: 2\r\n\r\nno",
    );
    await peer.readRest();
  }, (target) =>
    withProxy(target, async (url) => {
      const { response } = await assertRejects(
        () => dial(url),
        BadHandshakeError,
      );
      assertEquals(response.status, 401);
      assertEquals(response.headers.get("www-authenticate"), "Basic");
      assertEquals(response.headers.get("x-secret"), null);
      assertEquals(new TextDecoder().decode(response.body), "no");
    }));
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

async function statusOf(url: string): Promise<number> {
  const { response } = await assertRejects(() => dial(url), BadHandshakeError);
  return response.status;
}

test("the example proxy answers for a target that cannot", async () => {
  await withProxy("ws://127.0.0.1:1", async (url) => {
    assertEquals(await statusOf(url), 502);
  });
  await withServer(async (peer) => {
    await peer.readRest();
  }, (target) =>
    withProxy(target, async (url) => {
      assertEquals(await statusOf(url), 504);
    }, "--timeout=200"));
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example proxy has room again when a client has gone", async () => {
  const asked = deferred();
  const gone = deferred();
  await withServer(async (peer) => {
    const head = await peer.readHead();
    asked.resolve();
    await gone.promise;
    peer.send(await accepting(head));
    // Whether it is closed or cut.
    const bye = await peer.readFrame().catch(() => undefined);
    if (bye !== undefined) peer.sendFrame({ opcode: 8, payload: bye.payload });
    peer.end();
    await peer.readRest();
  }, (target) =>
    withProxy(target, async (url) => {
      const { peer } = await rawDial(url, { handshake: false });
      peer.send(
        `GET / HTTP/1.1\r\nHost: ${new URL(url).host}\r\n` +
          "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Version: 13\r\n" +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      await asked.promise;
      peer.reset();
      gone.resolve();
      let conn: Conn | undefined;
      while (conn === undefined) {
        try {
          ({ conn } = await dial(url));
        } catch (error) {
          assert(error instanceof BadHandshakeError);
          assertEquals(error.response.status, 503);
        }
      }
      await conn.close();
    }, "--max=1"), { count: 2 });
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example proxy has room for --max connections", async () => {
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.expectClose(1000);
    peer.sendFrame({ opcode: 8, payload: formatCloseMessage(1000) });
    peer.end();
    await peer.readRest();
  }, (target) =>
    withProxy(target, async (url) => {
      const { conn } = await dial(url);
      assertEquals(await statusOf(url), 503);
      await conn.close();
    }, "--max=1"));
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example proxy explains its arguments", async () => {
  const wrong = [[], ["http://a"], ["ws://a", "ws://b"], ["ws://a", "--x"], [
    "ws://u@a",
  ]];
  await Promise.all(wrong.map(async (args) => {
    await using proxy = new Program("proxy.ts", args);
    assertEquals(await proxy.exited, 2);
    assertStringIncludes(proxy.stderr, "Usage: proxy.ts TARGET");
  }));
}, { timeout: START_LIMIT });
