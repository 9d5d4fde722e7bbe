import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { HandshakeStream } from "../../../src/streams/handshake_stream.ts";
import {
  type PipeStream,
  type PipeStreamOptions,
  pipeStreams,
} from "../../../src/testing/pipe_stream.ts";
import { SocketStream } from "../../../src/runtime/sockets/socket_stream.ts";
import { hex, test } from "../../support/helper.ts";
import { withSockets } from "../../support/sockets.ts";
import {
  codeOf,
  record,
  Recorder,
  turn,
  write,
} from "../../support/recorder.ts";

const never: AbortSignal = new AbortController().signal;

function pulled(
  options: PipeStreamOptions = {},
): [stream: HandshakeStream, other: PipeStream] {
  const [here, other] = pipeStreams(options);
  return [new HandshakeStream(here), other];
}

test("HandshakeStream.read() reads chunk by chunk, to the end", async () => {
  const [stream, other] = pulled();
  const read = stream.read(never);
  await write(other, hex("01 02"));
  assertEquals(await read, hex("01 02"));
  await write(other, hex("03"));
  await write(other, hex("04"));
  other.end();
  assertEquals(await stream.read(never), hex("03"));
  assertEquals(await stream.read(never), hex("04"));
  assertEquals(await stream.read(never), undefined);
  assertEquals(await stream.read(never), undefined);
});

test("HandshakeStream.read() stops the peer while nobody reads", async () => {
  const [stream, other] = pulled({ chunkSize: 1, bufferSize: 2 });
  let taken = false;
  other.write(hex("01 02 03 04 05"), () => taken = true);
  for (let i = 0; i < 10; i++) await turn();
  assertEquals(taken, false);
  for (let i = 1; i <= 5; i++) {
    assertEquals(await stream.read(never), new Uint8Array([i]));
  }
  assertEquals(taken, true);
});

test("HandshakeStream.read() rejects with the signal's reason, and loses nothing", async () => {
  const [stream, other] = pulled();
  const controller = new AbortController();
  const reason = new Error("enough");
  const read = stream.read(controller.signal).catch((error) => error);
  controller.abort(reason);
  assertStrictEquals(await read, reason);
  await assertRejects(() => stream.read(controller.signal), Error, "enough");
  await write(other, hex("01"));
  assertEquals(await stream.read(never), hex("01"));
});

test("HandshakeStream.read() delivers what came, then rejects with the stream's error", async () => {
  const [stream, other] = pulled();
  const read = stream.read(never);
  await write(other, hex("01"));
  assertEquals(await read, hex("01"));
  other.reset();
  const error = await stream.read(never).catch((error) => error);
  assertEquals(codeOf(error), "ECONNRESET");
});

test("HandshakeStream.start() begins with what has not been read", async () => {
  const [stream, other] = pulled();
  await write(other, hex("01 02 03"));
  await stream.read(never);
  stream.unread(hex("02 03"));
  stream.unread(hex(""));
  await write(other, hex("04"));
  const here = record(stream);
  await Promise.resolve();
  assertEquals(here.events, []);
  await here.untilLength(3);
  other.write(hex("05"), () => {});
  other.end();
  await here.untilEnd();
  assertEquals(here.events, ["02 03", "04", "05", "end"]);
  assertEquals(await write(stream, hex("06")), undefined);
  stream.end();
  await here.untilClosed();
  assertEquals(here.events.at(-1), "closed");
});

test("HandshakeStream.start() tells of an end that came before", async () => {
  const [stream, other] = pulled();
  const read = stream.read(never);
  await write(other, hex("01"));
  await read;
  stream.unread(hex("00"));
  other.end();
  for (let i = 0; i < 5; i++) await turn();
  const here = record(stream);
  await here.untilEnd();
  assertEquals(here.events, ["00", "end"]);
  const [reset, peer] = pulled();
  await turn();
  peer.reset();
  for (let i = 0; i < 5; i++) await turn();
  const there = record(reset);
  await there.untilClosed();
  assertEquals(there.events, ["closed: ECONNRESET"]);
});

test("HandshakeStream.pause() holds once it is started", async () => {
  const [stream, other] = pulled({ chunkSize: 1 });
  stream.unread(hex("00"));
  stream.pause();
  const here = record(stream);
  other.write(hex("01 02"), () => {});
  for (let i = 0; i < 10; i++) await turn();
  // What had been read before may come.
  const before = here.length;
  assertEquals(before <= 2, true);
  stream.resume();
  await here.untilLength(3);
  assertEquals(here.events, ["00", "01", "02"]);
});

test("HandshakeStream.destroy() delivers nothing more", async () => {
  const [stream, other] = pulled();
  await write(other, hex("01"));
  await stream.read(never);
  stream.unread(hex("02"));
  stream.unread(hex("03"));
  const here = new Recorder();
  stream.start({
    data: (chunk) => {
      here.data(chunk);
      stream.destroy();
    },
    end: () => here.end(),
    closed: (error) => here.closed(error),
  });
  await here.untilClosed();
  assertEquals(here.events, ["03", "closed"]);
});

test("HandshakeStream.start() takes one receiver", () => {
  const [stream] = pulled();
  record(stream);
  assertThrows(() => stream.start(new Recorder()), TypeError);
});

/** A socket's stream in a handshake that has read a chunk, and the peer. */
async function withHandshake(
  use: (
    stream: HandshakeStream,
    own: SocketStream,
    peer: SocketStream,
  ) => Promise<void>,
): Promise<void> {
  await withSockets(async (ours, theirs) => {
    const own = new SocketStream(ours);
    const stream = new HandshakeStream(own);
    const peer = new SocketStream(theirs);
    peer.start(new Recorder());
    await write(peer, hex("01 02 03"));
    assertEquals(await stream.read(never), hex("01 02 03"));
    await use(stream, own, peer);
  });
}

test("HandshakeStream.release() gives a socket's own stream back, from what has not been read on", async () => {
  await withHandshake(async (stream, own, peer) => {
    stream.unread(hex("02 03"));
    await write(peer, hex("04"));
    const released = stream.release();
    assertStrictEquals(released, own);
    const here = record(released);
    await Promise.resolve();
    assertEquals(here.events, []);
    await here.untilLength(3);
    await write(peer, hex("05"));
    await here.untilLength(4);
    peer.end();
    await here.untilEnd();
    assertEquals(here.bytes, hex("02 03 04 05"));
    assertEquals(await write(released, hex("06")), undefined);
    released.end();
    await here.untilClosed();
    assertEquals(here.events.slice(-2), ["end", "closed"]);
    assertThrows(() => released.start(new Recorder()), TypeError);
  });
});

test("HandshakeStream.release() tells of an end and of a reset that came before", async () => {
  await withHandshake(async (stream, _own, peer) => {
    stream.unread(hex("03"));
    // The stop of reading is over once somebody has asked for more.
    const read = stream.read(never);
    assertEquals(await read, hex("03"));
    const end = stream.read(never);
    peer.end();
    assertEquals(await end, undefined);
    const here = record(stream.release());
    await here.untilEnd();
    stream.end();
    await here.untilClosed();
    assertEquals(here.events, ["end", "closed"]);
  });
  await withHandshake(async (stream, _own, peer) => {
    const read = stream.read(never).catch((error) => error);
    peer.reset();
    const reason = codeOf(await read);
    const here = record(stream.release());
    await here.untilClosed();
    assertEquals(here.events, [reason ? `closed: ${reason}` : "closed"]);
  });
});

test("HandshakeStream.release() leaves a paused stream paused until it is started", async () => {
  await withHandshake(async (stream, _own, peer) => {
    const released = stream.release();
    released.pause();
    const here = record(released);
    await write(peer, hex("07"));
    for (let i = 0; i < 20; i++) await turn();
    assertEquals(here.events, []);
    released.resume();
    await here.untilLength(1);
    assertEquals(here.events, ["07"]);
  });
});

test("HandshakeStream.release() gives itself where a stream starts once", () => {
  const [stream] = pulled();
  assertStrictEquals(stream.release(), stream);
});
