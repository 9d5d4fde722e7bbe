import { assert, assertEquals } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import {
  assertAlive,
  connectRaw,
  gone,
  head,
  onBoth,
  startHttp,
  UPGRADE,
  upgrade,
} from "../../support/http_server.ts";
import { maskedFrame } from "../../support/raw_peer.ts";
import { deferred, hex } from "../../support/helper.ts";
import { turn } from "../../suite/fixture.ts";

onBoth(
  "Upgrader.listener() outlives a peer that resets during authorize",
  async (carrier) => {
    const asked = deferred();
    const go = deferred();
    let conns = 0;
    const upgrader = new Upgrader({
      authorize: () => {
        asked.resolve();
        return go.promise;
      },
    });
    await using server = await startHttp(
      carrier,
      upgrader.listener(() => void conns++),
    );
    const peer = await connectRaw(carrier, server.port);
    peer.send(head(...UPGRADE));
    await asked.promise;
    peer.reset();
    await peer.closed;
    const [socket] = server.upgraded;
    // Bun says nothing of a reset on a socket that nobody reads.
    for (let i = 0; i < 20 && !socket!.destroyed; i++) await turn();
    go.resolve();
    await gone(socket!);
    await assertAlive(carrier, server);
    assert(conns <= 2);
  },
);

onBoth(
  "Upgrader.listener() outlives a peer that resets with its request",
  async (carrier) => {
    await using server = await startHttp(
      carrier,
      new Upgrader().listener((conn) => conn.send("x".repeat(100_000))),
    );
    for (const sent of [10, 40, head(...UPGRADE).length]) {
      const peer = await connectRaw(carrier, server.port);
      peer.send(head(...UPGRADE).slice(0, sent));
      for (let i = 0; i < 5; i++) await turn();
      peer.reset();
      await peer.closed;
    }
    await assertAlive(carrier, server);
    for (const socket of server.upgraded) await gone(socket);
  },
);

for (const how of ["reset", "end"] as const) {
  onBoth(
    `a peer that goes by ${how}() in the midst of a frame is 1006, once`,
    async (carrier) => {
      const opened = deferred<Conn>();
      await using server = await startHttp(
        carrier,
        new Upgrader().listener((conn) => opened.resolve(conn)),
      );
      const peer = await upgrade(carrier, server.port);
      const conn = await opened.promise;
      const errors: unknown[] = [];
      conn.closed.then((info) => errors.push(info.code));
      peer.send(maskedFrame(1, "Hello").slice(0, 8));
      const read = conn.readMessage().catch((error) => error);
      for (let i = 0; i < 5; i++) await turn();
      peer[how]();
      const error = await read;
      assertEquals([error.name, error.code], ["CloseError", 1006]);
      assertEquals(await conn.readMessage().catch((error) => error), error);
      const info = await conn.closed;
      assertEquals([info.code, info.wasClean, info.initiator], [
        1006,
        false,
        "network",
      ]);
      assertEquals(errors, [1006]);
      peer.destroy();
      await gone(server.upgraded[0]!);
      await assertAlive(carrier, server);
    },
  );
}

onBoth(
  "Upgrader.listener() outlives a reset behind the closing handshake",
  async (carrier) => {
    const opened = deferred<Conn>();
    await using server = await startHttp(
      carrier,
      new Upgrader().listener((conn) => opened.resolve(conn)),
    );
    const peer = await upgrade(carrier, server.port);
    const conn = await opened.promise;
    peer.send(maskedFrame(8, hex("03 e8")));
    await peer.expectClose(1000);
    peer.reset();
    const { code, wasClean } = await conn.closed;
    assertEquals([code, wasClean], [1000, true]);
    await gone(server.upgraded[0]!);
    await assertAlive(carrier, server);
  },
);

onBoth(
  "Upgrader.listener() outlives what user code throws",
  async (carrier) => {
    const errors: unknown[] = [];
    const handlers: ((conn: Conn) => void | Promise<void>)[] = [
      () => {
        throw new Error("sync");
      },
      () => Promise.reject(new Error("async")),
      (conn) => {
        conn.setPingHandler(() => {
          throw new Error("ping");
        });
      },
    ];
    await using server = await startHttp(
      carrier,
      new Upgrader().listener((conn) => handlers.shift()?.(conn), {
        onError: (error) => {
          errors.push((error as Error).message);
          throw new Error("of the error handler");
        },
      }),
    );
    const logged: unknown[] = [];
    const log = console.error;
    console.error = (error: Error) => void logged.push(error.message);
    try {
      for (let i = 0; i < 3; i++) {
        const peer = await upgrade(carrier, server.port);
        if (i === 2) peer.send(maskedFrame(9));
        await peer.expectClose(1011, "");
        peer.destroy();
        await peer.closed;
      }
    } finally {
      console.error = log;
    }
    assertEquals(errors, ["sync", "async"]);
    assertEquals(logged, [
      "of the error handler",
      "sync",
      "of the error handler",
      "async",
    ]);
    await assertAlive(carrier, server);
  },
);
