import { Duplex } from "node:stream";

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import {
  SocketStream,
  socketStream,
} from "../../../../src/runtime/sockets/socket_stream.ts";
import { deferred, hex, runtime, test } from "../../../support/helper.ts";
import {
  codeOf,
  record,
  Recorder,
  turn,
  write,
} from "../../../support/recorder.ts";
import { CARRIERS } from "../../../support/http_server.ts";
import {
  type Way,
  withPeers,
  withSockets,
  withUpgrade,
} from "../../../support/sockets.ts";

test("SocketStream carries bytes both ways", async () => {
  await withSockets(async (ours, theirs) => {
    const stream = new SocketStream(ours);
    const peer = new SocketStream(theirs);
    const here = record(stream);
    const there = record(peer);
    assertEquals(await write(peer, hex("01 02")), undefined);
    await here.untilLength(2);
    assertEquals(await write(stream, hex("03")), undefined);
    await there.untilLength(1);
    assertEquals(here.events, ["01 02"]);
    assertEquals(there.events, ["03"]);
  });
});

const WAYS: readonly Way[] = ["TCP", "TLS", "TLS over a stream"];

for (const way of WAYS) {
  for (const side of ["server", "client"]) {
    const name = `SocketStream gives chunks that are its receiver's own, plain`;
    test(`${name}; ${side}, ${way}`, async () => {
      await withPeers(way, async ([server, client]) => {
        const [ours, theirs] = side === "server"
          ? [server, client]
          : [client, server];
        const here = record(new SocketStream(ours));
        const there = new SocketStream(theirs);
        record(there);
        for (let i = 1; i <= 20; i++) {
          await write(there, new Uint8Array(i).fill(i));
          await here.untilLength(i * (i + 1) / 2);
        }
        await write(there, new Uint8Array(300_000).fill(0x55));
        await here.untilLength(210 + 300_000);
        const buffers = new Set<ArrayBuffer>();
        for (const chunk of here.chunks) {
          assertEquals(Object.getPrototypeOf(chunk), Uint8Array.prototype);
          assertInstanceOf(chunk.buffer, ArrayBuffer);
          assertEquals(chunk.buffer.byteLength, chunk.byteLength);
          // A Buffer's would share the memory.
          assert(chunk.slice().buffer !== chunk.buffer);
          buffers.add(chunk.buffer);
        }
        assertEquals(buffers.size, here.chunks.length);
        // Nothing was read over what had been delivered.
        const { bytes } = here;
        let offset = 0;
        for (let i = 1; i <= 20; i++) {
          for (let k = 0; k < i; k++) assertEquals(bytes[offset++], i);
        }
        assert(bytes.subarray(offset).every((byte) => byte === 0x55));
      });
    });
  }
}

test("SocketStream copies chunks that lie in a larger buffer", async () => {
  const pool = hex("aa bb cc dd");
  const duplex = new Duplex({ read() {}, write: (_c, _e, cb) => cb() });
  const here = record(new SocketStream(duplex));
  duplex.push(pool.subarray(1, 3));
  await here.untilLength(2);
  assertEquals(here.events, ["bb cc"]);
  assertNotEquals(here.chunks[0]!.buffer, pool.buffer);
  here.chunks[0]!.fill(0);
  assertEquals(pool, hex("aa bb cc dd"));
  duplex.destroy();
  await here.untilClosed();
});

test("SocketStream delivers the head first, and nothing in the turn of start", async () => {
  await withUpgrade(hex("0a 0b"), async (ours, head, theirs) => {
    const stream = socketStream(ours, head);
    theirs.write(hex("0c"));
    const here = new Recorder();
    stream.start(here);
    await Promise.resolve();
    await new Promise<void>((resolve) => queueMicrotask(() => resolve()));
    assertEquals(here.events, []);
    await here.untilLength(3);
    assertEquals(here.events, ["0a 0b", "0c"]);
    assertEquals(here.chunks[0]!.buffer.byteLength, 2);
  });
});

test("SocketStream tells the addresses, even of a socket that is gone", async () => {
  await withSockets(async (ours, theirs) => {
    const stream = new SocketStream(ours);
    const { localPort, remotePort } = ours;
    const here = record(stream);
    stream.destroy();
    await here.untilClosed();
    const transport = "tcp";
    const hostname = "127.0.0.1";
    assertEquals(stream.localAddr, { transport, hostname, port: localPort! });
    assertEquals(stream.remoteAddr, { transport, hostname, port: remotePort! });
    theirs.destroy();
  });
});

test("SocketStream tells an IPv4 peer as such", () => {
  const duplex = Object.assign(new Duplex(), {
    remoteAddress: "::ffff:192.0.2.1",
    remotePort: 7,
    localAddress: "2001:db8::1",
    localPort: 8,
  });
  const stream = new SocketStream(duplex);
  assertEquals(stream.remoteAddr, {
    transport: "tcp",
    hostname: "192.0.2.1",
    port: 7,
  });
  assertEquals(stream.localAddr, {
    transport: "tcp",
    hostname: "2001:db8::1",
    port: 8,
  });
});

test("SocketStream.pause() stops the peer, resume() goes on", async () => {
  await withSockets(async (ours, theirs) => {
    const stream = new SocketStream(ours);
    stream.pause();
    const here = record(stream);
    const there = new SocketStream(theirs);
    there.start(new Recorder());
    let taken = false;
    const total = 32 << 20;
    const done = write(there, new Uint8Array(total)).then((error) => {
      taken = true;
      return error;
    });
    for (let i = 0; i < 50; i++) await turn();
    assertEquals(here.events, []);
    assertEquals(taken, false);
    stream.resume();
    assertEquals(await done, undefined);
    await here.untilLength(total);
    assertEquals(here.length, total);
  });
});

test("SocketStream says the peer's end once and still sends", async () => {
  await withSockets(async (ours, theirs) => {
    const stream = new SocketStream(ours);
    const here = record(stream);
    const there = record(new SocketStream(theirs));
    theirs.end(hex("01"));
    await here.untilEnd();
    assertEquals(await write(stream, hex("02 03")), undefined);
    stream.end();
    await here.untilClosed();
    await there.untilClosed();
    assertEquals(here.events, ["01", "end", "closed"]);
    assertEquals(there.events, ["02 03", "end", "closed"]);
  });
});

test("SocketStream of an upgrade stays open at the peer's FIN, until end()", async () => {
  await withUpgrade(hex(""), async (ours, head, theirs) => {
    const stream = new SocketStream(ours, { head });
    const here = record(stream);
    theirs.end();
    await here.untilEnd();
    for (let i = 0; i < 20; i++) await turn();
    assertEquals(here.events, ["end"]);
    stream.end();
    await here.untilClosed();
    assertEquals(here.events, ["end", "closed"]);
  });
});

test("SocketStream tells of a FIN that came before start()", async () => {
  await withUpgrade(hex("07"), async (ours, head, theirs) => {
    const stream = new SocketStream(ours, { head });
    const { promise, resolve } = deferred();
    theirs.end(resolve);
    await promise;
    for (let i = 0; i < 20; i++) await turn();
    const here = record(stream);
    await here.untilEnd();
    stream.end();
    await here.untilClosed();
    assertEquals(here.events, ["07", "end", "closed"]);
  });
});

for (const when of ["before", "after"]) {
  test(`SocketStream ends exactly once by a reset ${when} start()`, async () => {
    await withUpgrade(hex(""), async (ours, head, theirs) => {
      const stream = new SocketStream(ours, { head });
      const here = new Recorder();
      if (when === "after") {
        stream.start(here);
        await turn();
      }
      theirs.resetAndDestroy();
      for (let i = 0; i < 20; i++) await turn();
      if (when === "before") stream.start(here);
      await here.until("the end or the close", () => here.events.length > 0);
      // Where the runtime says nothing but `end`.
      stream.end();
      await here.untilClosed();
      for (let i = 0; i < 20; i++) await turn();
      const ends = here.events.filter((event) => event === "end");
      const closes = here.events.filter((event) => event.startsWith("closed"));
      assert(ends.length <= 1);
      assertEquals(closes.length, 1);
      assertEquals(here.events.at(-1), closes[0]);
    });
  });
}

test("SocketStream.write() calls back with an error when the peer resets", async () => {
  await withSockets(async (ours, theirs) => {
    const stream = new SocketStream(ours);
    const here = record(stream);
    let calls = 0;
    const { promise, resolve } = deferred<unknown>();
    stream.write(new Uint8Array(32 << 20), (error) => {
      calls++;
      resolve(error);
    });
    await turn();
    theirs.resetAndDestroy();
    const error = await promise;
    assertInstanceOf(error, Error);
    await here.untilClosed();
    assertInstanceOf(await write(stream, hex("01")), Error);
    assertEquals(calls, 1);
    assertEquals(here.events.length, 1);
  });
});

test("SocketStream.destroy() fails the write under way, once", async () => {
  await withSockets(async (ours, theirs) => {
    theirs.pause();
    const stream = new SocketStream(ours);
    const here = record(stream);
    await turn();
    let calls = 0;
    const { promise, resolve } = deferred<unknown>();
    stream.write(new Uint8Array(32 << 20), (error) => {
      calls++;
      resolve(error);
    });
    await turn();
    stream.destroy();
    assertInstanceOf(await promise, Error);
    await here.untilClosed();
    for (let i = 0; i < 10; i++) await turn();
    assertEquals(calls, 1);
    assertEquals(here.events, ["closed"]);
  });
});

/** Writes until nothing more is taken; the last write, which waits. */
async function fill(stream: SocketStream): Promise<{ last: Promise<unknown> }> {
  while (true) {
    let taken = false;
    const last = write(stream, new Uint8Array(16_384));
    last.then(() => taken = true);
    for (let turns = 0; turns < 500 && !taken; turns++) await turn();
    if (!taken) return { last };
  }
}

for (const carrier of CARRIERS) {
  for (const side of ["server", "client"]) {
    for (const action of ["destroy", "reset"] as const) {
      const name =
        `SocketStream.${action}() gives up a peer that reads nothing`;
      test(`${name}; ${side}, ${carrier}`, async () => {
        await withPeers(carrier, async (sockets) => {
          const ours = sockets[side === "server" ? 0 : 1];
          const theirs = sockets[side === "server" ? 1 : 0];
          const stream = new SocketStream(ours);
          const here = record(stream);
          const peer = new SocketStream(theirs);
          const there = record(peer);
          await write(stream, hex("01"));
          await there.untilLength(1);
          peer.pause();
          const { last } = await fill(stream);
          stream[action]();
          assertInstanceOf(await last, Error);
          await here.untilClosed();
          assertEquals(here.events, ["closed"]);
        });
      });
    }
  }
}

test("SocketStream.destroy() before start() is told behind it", async () => {
  await withSockets(async (ours) => {
    const stream = new SocketStream(ours);
    stream.destroy();
    for (let i = 0; i < 10; i++) await turn();
    const here = record(stream);
    await here.untilClosed();
    assertEquals(here.events, ["closed"]);
  });
});

test("SocketStream delivers nothing after destroy()", async () => {
  await withSockets(async (ours, theirs) => {
    const stream = new SocketStream(ours);
    const here = new Recorder();
    stream.start({
      data: (chunk) => {
        here.data(chunk);
        stream.destroy();
      },
      end: () => here.end(),
      closed: (error) => here.closed(error),
    });
    theirs.write(new Uint8Array(1 << 20));
    await here.untilClosed();
    assertEquals(here.chunks.length, 1);
    assertEquals(here.events.length, 2);
  });
});

test("SocketStream handles errors at any time", async () => {
  await withSockets(async (ours) => {
    const stream = new SocketStream(ours);
    ours.emit("error", Object.assign(new Error("early"), { code: "EARLY" }));
    const here = record(stream);
    stream.destroy();
    await here.untilClosed();
    ours.emit("error", new Error("late"));
    assertEquals(here.events, ["closed: EARLY"]);
    assertEquals(codeOf(here.error), "EARLY");
  });
});

test("SocketStream cuts a socket that has failed and stays open", async () => {
  const duplex = new Duplex({ autoDestroy: false, read() {}, write() {} });
  const stream = new SocketStream(duplex);
  const here = record(stream);
  duplex.push(hex("01"));
  await here.untilLength(1);
  const written = write(stream, hex("02"));
  const error = Object.assign(new Error("broken"), { code: "EBROKEN" });
  duplex.emit("error", error);
  // As Bun does.
  duplex.emit("end");
  await here.untilClosed();
  assertEquals(await written, error);
  assertEquals(duplex.destroyed, true);
  duplex.emit("error", new Error("late"));
  duplex.emit("close");
  await turn();
  assertEquals(here.events, ["01", "closed: EBROKEN"]);
});

test("SocketStream.start() takes one receiver", async () => {
  await withSockets(async (ours) => {
    const stream = new SocketStream(ours);
    const here = record(stream);
    assertThrows(() => stream.start(new Recorder()), TypeError);
    stream.destroy();
    await here.untilClosed();
  });
});

test("SocketStream.free() gives the memory of large chunks back, on Deno", async () => {
  await withSockets(async (ours, theirs) => {
    const stream = new SocketStream(ours);
    const here = record(stream);
    theirs.write(new Uint8Array(1_000_000));
    await here.untilLength(1_000_000);
    if (runtime === "bun") return assertEquals(stream.free, undefined);
    const large = here.chunks.find(({ length }) => length >= 4096)!;
    stream.free!(large);
    assertEquals(large.length, 0);
    const small = new Uint8Array(4095);
    stream.free!(small);
    assertEquals(small.length, 4095);
    // What lies beside a part of a buffer is somebody's.
    const part = new Uint8Array(40_000).subarray(20_000);
    stream.free!(part);
    assertEquals(part.length, 20_000);
  });
});

test("SocketStream takes no memory back from a duplex that is no socket", () => {
  const duplex = new Duplex({ read() {}, write() {} });
  assertEquals(new SocketStream(duplex).free, undefined);
});

test("socketStream() refuses what is no socket, and leaves it as it was", () => {
  const half = { on() {} };
  for (const none of [undefined, null, 5, "socket", {}, half]) {
    assertThrows(
      () => socketStream(none as never),
      TypeError,
      "it must be a node:net or node:tls socket",
    );
  }
  assertEquals(Reflect.ownKeys(half), ["on"]);
});
