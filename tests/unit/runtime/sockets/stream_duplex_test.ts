import { assertEquals, assertInstanceOf } from "@std/assert";
import { StreamDuplex } from "../../../../src/runtime/sockets/stream_duplex.ts";
import { pipeStreams } from "../../../../src/testing/pipe_stream.ts";
import { deferred, hex, test, toHex } from "../../../support/helper.ts";
import { codeOf, record, turn, write } from "../../../support/recorder.ts";

/** What a duplex emits, in order. */
function watch(duplex: StreamDuplex): {
  events: string[];
  closed: Promise<void>;
} {
  const events: string[] = [];
  const { promise, resolve } = deferred();
  duplex.on("end", () => events.push("end"));
  duplex.on("error", (error) => events.push(`error: ${codeOf(error)}`));
  duplex.on("close", () => {
    events.push("close");
    resolve();
  });
  return { events, closed: promise };
}

test("StreamDuplex carries bytes and ends both ways", async () => {
  const [here, other] = pipeStreams();
  const there = record(other);
  const duplex = new StreamDuplex(here);
  const { events, closed } = watch(duplex);
  duplex.on("data", (chunk: Uint8Array) => events.push(toHex(chunk)));
  duplex.write(hex("01 02"));
  await there.untilLength(2);
  other.write(hex("03"), () => {});
  other.end();
  for (let i = 0; i < 5; i++) await turn();
  assertEquals(events, ["03", "end"]);
  duplex.end(hex("04"));
  await closed;
  await there.untilClosed();
  assertEquals(there.events, ["01 02", "04", "end", "closed"]);
  assertEquals(events, ["03", "end", "close"]);
});

test("StreamDuplex stops the stream while nobody reads", async () => {
  const [here, other] = pipeStreams({ chunkSize: 1024, bufferSize: 1024 });
  record(other);
  const duplex = new StreamDuplex(here);
  const total = 1 << 20;
  let taken = false;
  const done = write(other, new Uint8Array(total)).then((error) => {
    taken = true;
    return error;
  });
  for (let i = 0; i < 10; i++) await turn();
  assertEquals(taken, false);
  assertEquals(duplex.readableLength < total / 2, true);
  let length = 0;
  duplex.on("data", (chunk: Uint8Array) => length += chunk.length);
  assertEquals(await done, undefined);
  other.end();
  const { promise, resolve } = deferred();
  duplex.on("end", resolve);
  await promise;
  assertEquals(length, total);
  duplex.destroy();
});

test("StreamDuplex passes the stream's error on", async () => {
  const [here, other] = pipeStreams();
  const duplex = new StreamDuplex(here);
  const { events, closed } = watch(duplex);
  await turn();
  other.reset();
  await closed;
  assertEquals(events, ["error: ECONNRESET", "close"]);
});

test("StreamDuplex keeps what came before the stream was closed", async () => {
  const [here, other] = pipeStreams();
  const there = record(other);
  const duplex = new StreamDuplex(here);
  const { events, closed } = watch(duplex);
  duplex.end();
  await there.untilEnd();
  other.write(hex("01"), () => {});
  other.end();
  await there.untilClosed();
  for (let i = 0; i < 5; i++) await turn();
  duplex.on("data", (chunk: Uint8Array) => events.push(toHex(chunk)));
  await closed;
  assertEquals(events, ["01", "end", "close"]);
});

test("StreamDuplex.destroy() destroys the stream; writes fail", async () => {
  const [here, other] = pipeStreams();
  const there = record(other);
  const duplex = new StreamDuplex(here);
  const { closed } = watch(duplex);
  duplex.destroy();
  await closed;
  await there.untilEnd();
  const { promise, resolve } = deferred<unknown>();
  duplex.write(hex("01"), (error) => resolve(error));
  assertInstanceOf(await promise, Error);
});
