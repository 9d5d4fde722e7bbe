import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";
import { pipeStreams } from "../../../src/testing/pipe_stream.ts";
import { hex, test } from "../../support/helper.ts";
import {
  codeOf,
  record,
  Recorder,
  turn,
  write,
} from "../../support/recorder.ts";

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

test("pipeStreams() carries bytes both ways, chunk by chunk", async () => {
  const [a, b] = pipeStreams();
  const atA = record(a);
  const atB = record(b);
  assertEquals(await write(a, hex("01 02")), undefined);
  assertEquals(await write(a, hex("03")), undefined);
  assertEquals(await write(b, hex("04")), undefined);
  await atB.untilLength(3);
  await atA.untilLength(1);
  assertEquals(atB.events, ["01 02", "03"]);
  assertEquals(atA.events, ["04"]);
  assertEquals(a.closed, false);
});

test("pipeStreams() copies what is written", async () => {
  const [a, b] = pipeStreams();
  record(a);
  const atB = record(b);
  const chunk = hex("01 02");
  a.write(chunk, () => {});
  chunk.fill(9);
  await atB.untilLength(2);
  assertEquals(atB.events, ["01 02"]);
  assert(atB.chunks[0]!.buffer !== chunk.buffer);
});

for (
  const [chunkSize, events] of [
    [1, ["01", "02", "03", "04", "05"]],
    [2, ["01 02", "03 04", "05"]],
    [7, ["01 02 03 04 05"]],
  ] as [number, string[]][]
) {
  test(`pipeStreams() cuts and joins to chunks of ${chunkSize}`, async () => {
    const [a, b] = pipeStreams({ chunkSize });
    const atB = record(b);
    a.write(hex("01 02 03"), () => {});
    a.write(hex("04 05"), () => {});
    a.end();
    await atB.untilEnd();
    assertEquals(atB.events, [...events, "end"]);
  });
}

test("pipeStreams() runs microtasks behind each chunk", async () => {
  const [a, b] = pipeStreams({ chunkSize: 1 });
  const seen: string[] = [];
  const here = new Recorder();
  b.start({
    data: (chunk) => {
      seen.push(`chunk ${chunk[0]}`);
      queueMicrotask(() => seen.push("microtask"));
    },
    end: () => here.end(),
    closed: () => here.closed(),
  });
  a.write(hex("01 02"), () => {});
  a.end();
  await here.untilEnd();
  assertEquals(seen, ["chunk 1", "microtask", "chunk 2", "microtask"]);
});

test("pipeStreams() delivers nothing in the turn of start", async () => {
  const [a, b] = pipeStreams();
  a.write(hex("01"), () => {});
  await turns(2);
  const atB = record(b);
  await Promise.resolve();
  assertEquals(atB.events, []);
  await atB.untilLength(1);
});

test("pipeStreams() takes its latency, and no timer stays", async () => {
  const [a, b] = pipeStreams({ latency: 20 });
  const atB = record(b);
  const atA = record(a);
  await turn();
  const start = performance.now();
  assertEquals(await write(a, hex("01")), undefined);
  a.end();
  await atB.untilEnd();
  // Timers may be early by less than a millisecond.
  assertGreaterOrEqual(performance.now() - start, 19);
  a.write(hex("02"), () => {});
  b.write(hex("03"), () => {});
  b.destroy();
  a.destroy();
  await atA.untilClosed();
  await atB.untilClosed();
  assertEquals(atB.events, ["01", "end", "closed"]);
  assertEquals(atA.events, ["closed"]);
});

test("pipeStreams() makes a write over the buffer wait for the reader", async () => {
  const [a, b] = pipeStreams({ bufferSize: 4 });
  b.pause();
  const atB = record(b);
  record(a);
  assertEquals(await write(a, hex("01 02 03 04")), undefined);
  let done = false;
  const waiting = write(a, hex("05")).then((error) => {
    done = true;
    return error;
  });
  await turns(5);
  assertEquals(done, false);
  assertEquals(atB.events, []);
  b.resume();
  assertEquals(await waiting, undefined);
  await atB.untilLength(5);
  assertEquals(atB.events, ["01 02 03 04", "05"]);
});

test("PipeStream.pause() holds back chunks", async () => {
  const [a, b] = pipeStreams({ chunkSize: 1 });
  const atB = new Recorder();
  b.start({
    data: (chunk) => {
      atB.data(chunk);
      b.pause();
    },
    end: () => atB.end(),
    closed: () => atB.closed(),
  });
  a.write(hex("01 02"), () => {});
  a.end();
  await atB.untilLength(1);
  await turns(3);
  assertEquals(atB.events, ["01"]);
  b.resume();
  await atB.untilLength(2);
  await turns(3);
  assertEquals(atB.events, ["01", "02"]);
  b.resume();
  await atB.untilEnd();
});

test("PipeStream.end() ends one direction; both end the pipe", async () => {
  const [a, b] = pipeStreams();
  const atA = record(a);
  const atB = record(b);
  a.write(hex("01"), () => {});
  a.end();
  await atB.untilEnd();
  assertEquals(await write(b, hex("02")), undefined);
  assertInstanceOf(await write(a, hex("03")), Error);
  b.end();
  await atA.untilClosed();
  await atB.untilClosed();
  assertEquals(atA.events, ["02", "end", "closed"]);
  assertEquals(atB.events, ["01", "end", "closed"]);
  assert(a.closed && b.closed);
});

test("PipeStream.destroy() sends what was written, and the end", async () => {
  const [a, b] = pipeStreams();
  const atA = record(a);
  const atB = record(b);
  b.write(hex("09"), () => {});
  a.write(hex("01"), () => {});
  a.destroy();
  await atA.untilClosed();
  await atB.untilEnd();
  assertEquals(atA.events, ["closed"]);
  assertEquals(atB.events, ["01", "end"]);
  // As on a socket: the first write to a peer that is gone breaks the stream.
  assertEquals(codeOf(await write(b, hex("02"))), "EPIPE");
  await atB.untilClosed();
  assertEquals(atB.events, ["01", "end", "closed: EPIPE"]);
});

test("PipeStream.destroy() fails the write that waits, once", async () => {
  const [a, b] = pipeStreams({ bufferSize: 1 });
  const atA = record(a);
  let calls = 0;
  a.write(hex("01 02"), (error) => {
    calls++;
    assertInstanceOf(error, Error);
  });
  a.destroy();
  a.destroy();
  await atA.untilClosed();
  const atB = record(b);
  await atB.untilEnd();
  b.end();
  await atB.untilClosed();
  assertEquals(calls, 1);
  assertEquals(atA.events, ["closed"]);
  assertEquals(atB.events, ["01 02", "end", "closed"]);
});

test("PipeStream breaks by a write that waits for a peer that goes", async () => {
  const [a, b] = pipeStreams({ bufferSize: 1 });
  const atA = record(a);
  b.pause();
  record(b);
  await turn();
  const waiting = write(a, hex("01 02"));
  b.write(hex("09"), () => {});
  b.destroy();
  assertEquals(codeOf(await waiting), "EPIPE");
  await atA.untilClosed();
  // As on a socket: what has come is read before.
  assertEquals(atA.events, ["09", "end", "closed: EPIPE"]);
});

for (const when of ["before", "behind"]) {
  test(`PipeStream breaks at once when it is paused, ${when} the write`, async () => {
    const [a, b] = pipeStreams({ bufferSize: 1, latency: 60_000 });
    const atA = record(a);
    b.pause();
    record(b);
    await turn();
    const waiting = write(a, hex("01 02"));
    b.write(hex("09"), () => {});
    if (when === "before") a.pause();
    b.destroy();
    assertEquals(codeOf(await waiting), "EPIPE");
    if (when === "behind") a.pause();
    await atA.untilClosed();
    assertEquals(atA.events, ["closed: EPIPE"]);
  });
}

test("PipeStream.reset() cuts both sides at once", async () => {
  const [a, b] = pipeStreams({ bufferSize: 1 });
  const atA = record(a);
  b.pause();
  const atB = record(b);
  await turn();
  const waiting = write(a, hex("01 02"));
  const back = write(b, hex("03 04"));
  a.reset();
  assertInstanceOf(await waiting, Error);
  assertInstanceOf(await back, Error);
  await atA.untilClosed();
  await atB.untilClosed();
  assertEquals(atA.events, ["closed"]);
  assertEquals(atB.events, ["closed: ECONNRESET"]);
  assertEquals(codeOf(await write(b, hex("05"))), "ECONNRESET");
});

test("PipeStream tells of an end that came before start()", async () => {
  const [a, b] = pipeStreams();
  a.write(hex("01"), () => {});
  a.end();
  await turns(3);
  const atB = record(b);
  await atB.untilEnd();
  assertEquals(atB.events, ["01", "end"]);
  const [c, d] = pipeStreams();
  c.reset();
  await turns(3);
  const atD = record(d);
  await atD.untilClosed();
  assertEquals(atD.events, ["closed: ECONNRESET"]);
});

test("PipeStream.start() takes one receiver", () => {
  const [a] = pipeStreams();
  record(a);
  assertThrows(() => a.start(new Recorder()), TypeError);
});

test("pipeStreams() refuses options out of range", () => {
  for (
    const options of [
      { chunkSize: 0 },
      { chunkSize: 1.5 },
      { bufferSize: 0 },
      { latency: -1 },
      { latency: NaN },
      { latency: Infinity },
    ]
  ) {
    assertThrows(() => pipeStreams(options), RangeError);
  }
});
