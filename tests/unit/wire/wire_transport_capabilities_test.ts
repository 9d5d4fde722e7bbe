/** The wire column of the table of capabilities, each cell by what happens. */

import { assert, assertEquals, assertRejects } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { ReadLimitError, WriteLimitError } from "../../../src/errors.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import type { Capability } from "../../../src/transport/transport.ts";
import { connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import { portOf, serveAt, WIRE_PLACES } from "../../support/servers.ts";
import { deferred, hex, test } from "../../support/helper.ts";
import { isPending, turn } from "../../suite/fixture.ts";

interface Cell {
  readonly options?: UpgraderOptions;
  readonly headers?: readonly string[];
  /** Shows that the engine can. */
  readonly shows: (conn: Conn, peer: RawPeer) => Promise<void>;
}

const MiB = 2 ** 20;

// Of all capabilities: a missing one does not compile.
const CELLS: Record<Capability, Cell> = {
  ping: {
    async shows(conn, peer) {
      const trip = conn.ping("a");
      await peer.expectFrame({ opcode: 9, payload: "a" });
      peer.sendFrame({ opcode: 10, payload: "a" });
      assert(await trip >= 0);
      conn.writeControl(10, "b");
      await peer.expectFrame({ opcode: 10, payload: "b" });
    },
  },
  controlHandlers: {
    async shows(conn, peer) {
      const ping = deferred<Uint8Array>();
      const pong = deferred<Uint8Array>();
      conn.setPingHandler(ping.resolve);
      conn.setPongHandler(pong.resolve);
      peer.sendFrame({ opcode: 9, payload: "a" });
      peer.sendFrame({ opcode: 10, payload: "b" });
      assertEquals(await ping.promise, hex("61"));
      assertEquals(await pong.promise, hex("62"));
      // The handler has taken the default answer's place.
      conn.send("c");
      await peer.expectFrame({ opcode: 1, payload: "c" });
    },
  },
  closeHandler: {
    async shows(conn, peer) {
      conn.setCloseHandler((code, reason) => {
        conn.close(4001, `${code} ${reason}`);
      });
      peer.sendFrame({ opcode: 8, payload: hex("03 e8 61") });
      await peer.expectClose(4001, "1000 a");
    },
  },
  streaming: {
    async shows(conn, peer) {
      // Both directions at once, and neither message has an end.
      peer.sendFrame({ opcode: 2, payload: "in", fin: false });
      const { readable } = await conn.nextReader();
      const { value } = await readable.getReader().read();
      assertEquals(value, hex("69 6e"));
      const writer = conn.nextWriter(2).getWriter();
      writer.write(new Uint8Array(MiB));
      const { payload, fin, opcode } = await peer.readFrame();
      assertEquals([fin, opcode, payload.length > 0], [false, 2, true]);
    },
  },
  compression: {
    options: { enableCompression: { threshold: 0 } },
    headers: ["Sec-WebSocket-Extensions: permessage-deflate"],
    async shows(conn, peer) {
      conn.send("a".repeat(1000));
      const { rsv, payload } = await peer.readFrame();
      assertEquals([rsv, payload.length < 100], [4, true]);
      peer.sendFrame({ opcode: 1, rsv: 4, payload });
      assertEquals((await conn.readMessage()).data, "a".repeat(1000));
    },
  },
  readBackpressure: {
    async shows(conn, peer) {
      let last = Promise.resolve();
      for (let i = 0; i < 64; i++) {
        last = peer.sendFrame({ opcode: 2, payload: new Uint8Array(MiB) });
      }
      assert(await isPending(last));
      for (let i = 0; i < 64; i++) {
        assertEquals((await conn.readMessage()).data.length, MiB);
      }
      await last;
    },
  },
  readLimit: {
    options: { readLimit: 1000 },
    async shows(conn, peer) {
      // The header is enough: nothing of the message has come.
      const read = assertRejects(() => conn.readMessage(), ReadLimitError);
      peer.sendFrame({ opcode: 2, length: 1001, payload: "" });
      await peer.expectClose(1009);
      await read;
    },
  },
  writeLimit: {
    options: { writeLimit: 20 * MiB, closeTimeout: 100 },
    async shows(conn, peer) {
      peer.pause();
      await assertRejects(async () => {
        const sends: Promise<void>[] = [];
        for (let i = 0; i < 64; i++) sends.push(conn.send(new Uint8Array(MiB)));
        await Promise.all(sends);
      }, WriteLimitError);
      assert((await conn.closed).cause instanceof WriteLimitError);
    },
  },
  closeHandshake: {
    async shows(conn, peer) {
      const closed = conn.close(1000);
      await peer.expectClose(1000);
      assert(await isPending(closed));
      peer.sendFrame({ opcode: 8, payload: hex("03 e8") });
      peer.end();
      assertEquals((await closed).wasClean, true);
    },
  },
  terminate: {
    async shows(conn, peer) {
      conn.terminate();
      assertEquals(await peer.readRest(), hex(""));
      assertEquals((await conn.closed).wasClean, false);
    },
  },
};

for (const place of WIRE_PLACES) {
  for (
    const [name, { options, headers = [], shows }] of Object.entries(CELLS)
  ) {
    test(`the wire engine has ${name}; ${place.name}`, async () => {
      const opened = deferred<Conn>();
      await using server = await serveAt(
        place,
        (conn) => opened.resolve(conn),
        {
          upgrader: { ...options, require: [name as Capability] },
        },
      );
      const peer = await connectRaw(place.carrier, portOf(server));
      peer.send(head(...UPGRADE, ...headers));
      await peer.readHead();
      const conn = await opened.promise;
      try {
        assertEquals(conn.capabilities[name as Capability], true);
        await shows(conn, peer);
      } finally {
        conn.terminate();
        peer.destroy();
        await conn.closed;
        await peer.closed;
        await turn();
      }
    });
  }
}
