/** Peers that go, that are slow, and that meet code which throws. */

import net from "node:net";

import { assert, assertEquals } from "@std/assert";

import type { CloseInfo } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { answering, withServer } from "../../support/dial_server.ts";
import { head, UPGRADE } from "../../support/http_server.ts";
import { closePayload, maskedFrame } from "../../support/raw_peer.ts";
import { deferred, runtime } from "../../support/helper.ts";
import { turn, until } from "../../suite/fixture.ts";
import { attack, EVERYWHERE, headerOf, isAttack, statusOf } from "./attack.ts";

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

// Errors that the application is told of; anything else would fail the run.
const reported: string[] = [];
const onError = (error: unknown) => void reported.push(String(error));

function thrower(name: string): (request: Request) => never {
  return (request) => {
    if (isAttack(request)) throw new Error(`of ${name}`);
    return undefined as never;
  };
}

for (const name of ["checkOrigin", "authorize", "subprotocols"] as const) {
  for (const how of ["throws", "rejects"] as const) {
    const fail = thrower(name);
    const callback = (...args: unknown[]) => {
      const request = args.find((arg) => arg instanceof Request)!;
      const answer = name === "checkOrigin" ? true : undefined;
      if (!isAttack(request)) return answer;
      if (how === "throws") return fail(request);
      return Promise.reject(new Error(`of ${name}`));
    };
    attack(18, `a ${name} that ${how}`, async ({ ask }) => {
      for (let i = 0; i < 2; i++) {
        const request = head(...UPGRADE, "Sec-WebSocket-Protocol: chat");
        const answer = await ask(request);
        assertEquals(statusOf(answer), 500, answer);
        assert(!answer.includes(`of ${name}`), answer);
      }
    }, { places: EVERYWHERE, upgrader: { [name]: callback } });
  }
}

attack(18, "an error callback that throws", async ({ ask }) => {
  for (let i = 0; i < 2; i++) {
    const answer = await ask(head(...UPGRADE, "Origin: http://evil.example"));
    assertEquals(statusOf(answer), 403, answer);
  }
}, { places: EVERYWHERE, upgrader: { error: thrower("error") } });

for (const how of ["throws", "rejects", "throws in a ping handler"] as const) {
  attack(18, `an onConn that ${how}`, async ({ upgrade }) => {
    reported.length = 0;
    for (let i = 0; i < 2; i++) {
      const peer = await upgrade();
      if (how === "throws in a ping handler") peer.sendFrame({ opcode: 9 });
      for (;;) {
        const { opcode, payload } = await peer.readFrame();
        if (opcode === 10) continue; // Bun's own.
        assertEquals([opcode, payload], [8, closePayload(1011)]);
        break;
      }
      peer.destroy();
    }
    assertEquals(reported.length, how.includes("ping") ? 0 : 2);
  }, {
    places: how.includes("ping")
      ? EVERYWHERE.filter(({ engine }) =>
        engine === "wire" || runtime === "bun"
      )
      : EVERYWHERE,
    serve: { onError },
    onConn: (conn) => {
      const error = new Error("of onConn");
      if (how === "throws") throw error;
      if (how === "rejects") return Promise.reject(error);
      conn.setPingHandler(() => {
        throw error;
      });
    },
  });
}

// Where a peer is cut: bytes of its request, or what it has done behind that.
// The last may bring a connection that nobody takes.
const STEPS = [0, 1, 20, 100, "open", "frame", "close", "authorize"] as const;
for (const how of ["reset", "end"] as const) {
  attack(
    19,
    how === "reset" ? "a reset at every step" : "an end at every step",
    async ({ connect, upgrade, accept, server }) => {
      for (const step of STEPS) {
        let peer: RawPeer;
        let conn: Conn | undefined;
        asked = deferred();
        gate = step === "authorize" ? deferred() : undefined;
        if (typeof step === "number") {
          peer = await connect();
          peer.send(head(...UPGRADE).slice(0, step));
        } else if (step === "authorize") {
          peer = await connect();
          peer.send(head(...UPGRADE));
          await asked.promise;
        } else {
          peer = await upgrade();
          conn = await accept();
          if (step === "frame") peer.send(maskedFrame(1, "Hello").slice(0, 8));
          if (step === "close") {
            peer.sendFrame({ opcode: 8, payload: closePayload(1000) });
            await peer.expectClose(1000);
          }
        }
        await turns(3);
        peer[how]();
        gate?.resolve();
        if (conn !== undefined) {
          const { code } = await conn.closed;
          assertEquals(code, step === "close" ? 1000 : 1006, `${step}`);
        }
        if (how === "end") await peer.ended;
        peer.destroy();
        await peer.closed;
      }
      // One whose request was answered may have come and gone.
      await until(() => server.conns.size === 0, "the ends");
    },
    {
      upgrader: {
        authorize: async () => {
          asked.resolve();
          await gate?.promise;
        },
      },
    },
  );
}
let asked = deferred();
let gate: PromiseWithResolvers<void> | undefined;

attack(20, "a refused peer that stays", async ({ connect }) => {
  for (const reads of [true, false]) {
    const peer = await connect();
    if (!reads) peer.pause();
    peer.send(head(...UPGRADE, "Origin: http://evil.example"));
    if (reads) {
      const answer = await peer.readHead();
      assertEquals(statusOf(answer), 403);
      assertEquals(headerOf(answer, "Connection")?.toLowerCase(), "close");
      await peer.ended;
    }
    // It never ends its own direction: in the end it is told that nobody hears.
    const trickle = setInterval(() => {
      peer.send("more");
      if (!reads) peer.resume();
    }, 5);
    await peer.closed;
    clearInterval(trickle);
  }
}, { upgrader: { handshakeTimeout: 1500 } });

attack(21, "heads that come too slowly", async ({ connect }) => {
  const slow = [
    "",
    "GET /",
    "GET / HTTP/1.1\r\nHost: a\r\n",
    head(...UPGRADE).slice(0, -2),
    // The second of a connection.
    head("GET / HTTP/1.1", "Host: a") + "GET / HTTP/1.1\r\nHost:",
  ];
  await Promise.all(slow.map(async (sent) => {
    const peer = await connect();
    peer.send(sent);
    const trickle = setInterval(() => peer.send("X"), 50);
    const rest = new TextDecoder().decode(await peer.readRest());
    clearInterval(trickle);
    peer.destroy();
    // A head may also have become too long, or none.
    assert(/HTTP\/1\.1 4(08|00|31) /.test(rest), `${sent}: ${rest}`);
  }));
}, { upgrader: { handshakeTimeout: 1500 } });

attack(21, "an authorize that does not come back", async ({ ask }) => {
  assertEquals(statusOf(await ask(head(...UPGRADE))), 503);
}, {
  places: EVERYWHERE,
  upgrader: {
    handshakeTimeout: 1500,
    authorize: (request) => {
      if (isAttack(request)) return new Promise(() => {});
    },
  },
});

attack(21, "a peer that never says good-bye", async ({ upgrade, accept }) => {
  const peer = await upgrade();
  const conn = await accept();
  const closing = conn.close(1000);
  await peer.expectClose(1000);
  const trickle = setInterval(() => peer.sendFrame({ opcode: 10 }), 20);
  const { wasClean, cause } = await closing;
  clearInterval(trickle);
  assertEquals([wasClean, (cause as Error).name], [false, "TimeoutError"]);
}, { upgrader: { closeTimeout: 200 } });

attack(21, "a peer that never ends TCP", async ({ upgrade, accept }) => {
  const peer = await upgrade();
  const conn = await accept();
  peer.sendFrame({ opcode: 8, payload: closePayload(1000) });
  await peer.expectClose(1000);
  const { wasClean } = await conn.closed;
  assertEquals(wasClean, true);
}, { upgrader: { closeTimeout: 200 } });

attack(21, "a silent peer", async ({ upgrade, accept }) => {
  await upgrade();
  const conn = await accept();
  const error = await conn.readMessage().catch((error) => error);
  assertEquals(error.name, "TimeoutError");
  await conn.closed;
}, {
  places: EVERYWHERE.filter(({ engine }) =>
    engine === "wire" || runtime === "bun"
  ),
  upgrader: {
    keepAlive: { interval: 100, timeout: 100 },
    closeTimeout: 100,
  },
});

attack(21, "servers that do not answer", async () => {
  const dialer = new Dialer({ handshakeTimeout: 1500 });
  for (const answer of ["", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: w"]) {
    await withServer(answering(answer), async (url) => {
      const error = await dialer.dial(url).catch((error) => error);
      assertEquals(error.name, "TimeoutError");
    });
  }
}, { places: EVERYWHERE.slice(0, 1) });

for (const how of ["reset", "destroy"] as const) {
  const what = how === "reset" ? "that resets" : "whose process ends";
  attack(
    36,
    `a peer ${what} while nobody reads what it has sent`,
    async ({ upgrade, accept }) => {
      const peer = await upgrade();
      const conn = await accept();
      // More than is read ahead: the peer has been stopped.
      const message = maskedFrame(2, new Uint8Array(20_000));
      for (let i = 0; i < 10; i++) await peer.send(message);
      await turns(20);
      peer[how]();
      await peer.closed;
      const { code, wasClean } = await conn.closed;
      assertEquals([code, wasClean], [1006, false]);
    },
    { upgrader: { keepAlive: { interval: 100, timeout: 100 } } },
  );
}

for (const how of ["reset", "end"] as const) {
  attack(
    37,
    how === "reset" ? "a reset, seen once" : "an end, seen once",
    async ({ upgrade, accept }) => {
      const peer = await upgrade();
      const conn = await accept();
      const ends: CloseInfo[] = [];
      conn.closed.then((info) => ends.push(info));
      const read = conn.readMessage().catch((error) => error);
      peer.sendFrame({ opcode: 1, fin: false, payload: "Hel" });
      await turns(3);
      peer[how]();
      const error = await read;
      assertEquals([error.name, error.code], ["CloseError", 1006]);
      assertEquals(await conn.readMessage().catch((error) => error), error);
      const { code, wasClean, initiator } = await conn.closed;
      assertEquals([code, wasClean, initiator], [1006, false, "network"]);
      await turns(20);
      assertEquals(ends.length, 1);
    },
    { places: EVERYWHERE },
  );
}

attack(19, "connections that are reset before they are accepted", async (
  { port },
) => {
  for (let i = 0; i < 50; i++) {
    const socket = net.connect(port, "127.0.0.1");
    const { promise, resolve } = deferred();
    socket.on("error", () => {}).on("close", resolve);
    socket.on("connect", () => socket.resetAndDestroy());
    await promise;
  }
});
