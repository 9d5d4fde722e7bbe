import { Duplex } from "node:stream";

import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import { connOver } from "../../../src/conn_over.ts";
import { GuardedStream } from "../../../src/streams/guarded_stream.ts";
import { test, withTimeout } from "../../support/helper.ts";
import { frame, hex } from "../protocol/recorder.ts";
import { HeldStream, turn } from "../wire/held_stream.ts";

const FAULT = new Error("user code");

type Method = "pause" | "resume" | "write" | "end" | "destroy";

/** A stream of the user's that throws in some of its methods, guarded. */
function guard(...throwing: readonly Method[]) {
  const stream = new HeldStream();
  for (const name of throwing) {
    stream[name] = () => {
      stream.calls.push(`${name} throws`);
      throw FAULT;
    };
  }
  const guarded = new GuardedStream(stream);
  const events: unknown[] = [];
  guarded.start({
    data: (chunk) => events.push(chunk),
    end: () => events.push("end"),
    closed: (error) => events.push("closed", error),
  });
  return { stream, guarded, events };
}

test("guardedStream hands on what a stream does", () => {
  const { stream, guarded, events } = guard();
  let written = 0;
  guarded.write(hex("01"), () => written++);
  stream.release();
  guarded.pause();
  guarded.resume();
  guarded.end();
  guarded.destroy();
  assertEquals(stream.calls, ["pause", "resume", "end", "destroy"]);
  assertEquals([written, stream.writes], [1, [hex("01")]]);
  const { receiver } = stream;
  receiver!.data(hex("02"));
  receiver!.end();
  receiver!.closed(FAULT);
  assertEquals(events, [hex("02"), "end", "closed", FAULT]);
});

test("guardedStream ends a stream that throws", async () => {
  for (const name of ["pause", "resume", "end"] as const) {
    const { stream, guarded, events } = guard(name);
    guarded[name]();
    assertEquals(events, []);
    await turn();
    assertEquals(events, ["closed", FAULT]);
    assertEquals(stream.calls, [`${name} throws`, "destroy"]);
    // Nothing comes behind the end, and nobody is asked any more.
    stream.receiver!.data(hex("02"));
    stream.receiver!.end();
    stream.receiver!.closed();
    guarded.resume();
    assertEquals([events.length, stream.calls.length], [2, 2]);
  }
});

test("guardedStream ends the write that a stream throws in, and those behind it", async () => {
  const { guarded, events } = guard("write", "destroy");
  const done: unknown[] = [];
  guarded.write(hex("01"), (error) => done.push(error));
  assertEquals(done, []);
  guarded.write(hex("02"), (error) => done.push(error));
  await turn();
  assertEquals(done, [FAULT, FAULT]);
  assertEquals(events, ["closed", FAULT]);
});

test("guardedStream ends a stream whose start rejects", async () => {
  const stream = new HeldStream();
  stream.start = () => Promise.reject(FAULT);
  const conn = connOver(stream, { side: "server" });
  const { code, cause } = await withTimeout(conn.closed, 5_000, "the end");
  assertEquals(code, 1006);
  assertStrictEquals(cause, FAULT);
  assertEquals(stream.calls, ["destroy"]);
});

test("guardedStream is destroyed before it is started", async () => {
  for (
    const destroy of [() => Promise.reject(FAULT), () => {
      throw FAULT;
    }]
  ) {
    const stream = new HeldStream();
    stream.destroy = destroy;
    // What it throws has nobody to go to, and harms nobody.
    new GuardedStream(stream).destroy();
    await turn();
    await turn();
  }
});

test("guardedStream ends a stream that does not close when it is destroyed", async () => {
  const ends = ["terminate", "close"] as const;
  await Promise.all(ends.map(async (way) => {
    const stream = new HeldStream();
    const conn = connOver(stream, { side: "client", closeTimeout: 50 });
    // A write that is never done, either.
    conn.send("a").catch(() => {});
    await turn();
    if (way === "terminate") conn.terminate();
    else conn.close().catch(() => {});
    const { code, initiator, cause } = await withTimeout(
      conn.closed,
      5_000,
      way,
    );
    assertEquals([code, initiator], [1006, "local"]);
    assertStringIncludes(
      String(cause),
      way === "terminate"
        ? "Error: Cannot close stream: it has not called closed() within 1000 ms of destroy()"
        : "Error: Cannot finish closing handshake", // which came first
    );
    assertEquals(stream.calls.filter((name) => name === "destroy").length, 1);
    // Too late.
    stream.receiver!.closed();
  }));
});

test("guardedStream leaves no timer where the stream closes", async () => {
  const started: unknown[] = [];
  const cleared: unknown[] = [];
  const { setTimeout, clearTimeout } = globalThis;
  const replaced = {
    setTimeout: ((...args: Parameters<typeof setTimeout>) => {
      started.push(setTimeout(...args));
      return started.at(-1);
    }) as typeof setTimeout,
    clearTimeout: (timer: number | undefined) => {
      cleared.push(timer);
      clearTimeout(timer);
    },
  };
  for (const way of ["closes", "throws"] as const) {
    const { stream, guarded } = guard();
    Object.assign(globalThis, replaced);
    try {
      guarded.destroy();
      guarded.destroy();
      if (way === "closes") stream.receiver!.closed();
      else stream.receiver!.data("text" as never);
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    }
    await turn();
    assertEquals(started.length, 1, way);
    assertEquals(started.splice(0), cleared.splice(0), way);
  }
});

test("guardedStream calls back once for each write", () => {
  const { stream, guarded } = guard();
  const told: ((error?: unknown) => void)[] = [];
  stream.write = (_chunk, done) => void told.push(done);
  let calls = 0;
  guarded.write(hex("01"), () => calls++);
  told[0]!();
  told[0]!();
  assertEquals(calls, 1);
});

test("connOver() outlives streams that throw, and so do its other connections", async () => {
  const bad = new HeldStream();
  bad.end = () => {
    throw FAULT;
  };
  const good = new HeldStream();
  const options = { side: "server", keepAlive: false } as const;
  const failing = connOver(bad, options);
  const lasting = connOver(good, options);
  // The server ends TCP behind its answer to the close frame.
  bad.receiver!.data(frame("server", 0x88, hex("03e8")));
  lasting.send("a");
  await turn();
  await turn();
  bad.releaseAll();
  const { code, wasClean, cause } = await failing.closed;
  assertEquals([code, wasClean], [1000, true]);
  assertStrictEquals(cause, FAULT);
  await assertRejects(() => failing.readMessage());
  assertEquals(good.writes, [hex("810161")]);
  lasting.terminate();
  good.receiver!.closed();
  await lasting.closed;
});

test("connOver() refuses what is no stream, a socket among it", () => {
  const socket = new Duplex({ read() {} });
  for (const none of [undefined, null, 5, {}, socket]) {
    assertThrows(
      () => connOver(none as never, { side: "client" }),
      TypeError,
      "it has no start(), pass a socket through socketStream()",
    );
  }
  const { start, write } = HeldStream.prototype;
  assertThrows(
    () => connOver({ start, write } as never, { side: "client" }),
    TypeError,
    "it has no destroy()",
  );
  socket.destroy();
});
