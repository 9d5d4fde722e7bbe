import { assert, assertEquals } from "@std/assert";

import { ProtocolError } from "../../../src/peer_errors.ts";
import type { DataType } from "../../../src/message.ts";
import { PreparedMessage } from "../../../src/prepared.ts";
import type {
  TransportEnd,
  TransportReceiver,
} from "../../../src/transport/transport.ts";
import type { MessageCodec } from "../../../src/transport/codec.ts";
import { WireTransport } from "../../../src/wire/wire_transport.ts";
import { firstByte, readFrames } from "../../support/frames.ts";
import { deferred, hex, test, toHex } from "../../support/helper.ts";
import { HeldStream, turn } from "./held_stream.ts";
import { flip, ToyCodec } from "./toy_codec.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Notes events in words. */
class Events implements TransportReceiver {
  readonly list: string[] = [];
  on: (event: string) => void = () => {};
  #message = "";

  #note(event: string): void {
    this.list.push(event);
    this.on(event);
  }

  message(_type: DataType, data: string | Uint8Array<ArrayBuffer>): void {
    this.#note(typeof data === "string" ? data : decoder.decode(data));
  }
  messageStart(): void {
    this.#message = "";
  }
  messageData(data: Uint8Array<ArrayBuffer>): void {
    this.#message += decoder.decode(data);
  }
  messageEnd(): void {
    this.#note(this.#message);
  }
  ping(payload: Uint8Array<ArrayBuffer>): void {
    this.#note(`ping ${decoder.decode(payload)}`);
  }
  pong(payload: Uint8Array<ArrayBuffer>): void {
    this.#note(`pong ${decoder.decode(payload)}`);
  }
  closeReceived(code: number): void {
    this.#note(`close ${code}`);
  }
  failed(error: Error): void {
    this.#note(`failed ${error.name}`);
  }
  ended(end: TransportEnd): void {
    this.#note(end.cause === undefined ? "ended" : "ended by a fault");
  }
}

/** A codec to which everything is corrupt, at once. */
class CorruptCodec extends ToyCodec {
  override encodes(): boolean {
    return false;
  }

  override decodeNow(): never {
    throw new ProtocolError("Cannot inflate message: it is corrupt", 1007);
  }
}

function open(codec?: MessageCodec): {
  transport: WireTransport;
  stream: HeldStream;
  events: Events;
} {
  const stream = new HeldStream();
  const events = new Events();
  const transport = new WireTransport(stream, {
    side: "client",
    subprotocol: "",
    readLimit: 2 ** 20,
    writeBufferSize: 65_536,
    writeBufferPool: undefined,
    codec,
  });
  transport.start(events);
  return { transport, stream, events };
}

/** A server's frame; compressed ones are flipped. */
function frame(opcode: number, text: string, toy = false): Uint8Array<
  ArrayBuffer
> {
  const payload = encoder.encode(text);
  const bytes = new Uint8Array(2 + payload.length);
  bytes.set([0x80 | (toy ? 0x40 : 0) | opcode, payload.length]);
  bytes.set(toy ? flip(payload) : payload, 2);
  return bytes;
}

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const MIXED = [
  frame(1, "one", true),
  frame(9, "a"),
  frame(1, "two"),
  frame(1, "three", true),
  frame(1, "four", true),
  frame(10, "b"),
  frame(1, "five"),
];
const MIXED_EVENTS = [
  "one",
  "ping a",
  "two",
  "three",
  "four",
  "pong b",
  "five",
];

test("wireTransport keeps the order across a codec that takes its time", async () => {
  for (const size of [1, 3, 1000]) {
    const codec = new ToyCodec();
    const { stream, events } = open(codec);
    const bytes = join(...MIXED, hex("88 02 03 e8"));
    for (let i = 0; i < bytes.length; i += size) {
      stream.receiver!.data(bytes.slice(i, i + size));
    }
    stream.receiver!.end();
    while (!events.list.includes("close 1000")) await turn();
    assertEquals(events.list, [...MIXED_EVENTS, "close 1000"]);
    assertEquals(codec.most.decode, 1);
  }
});

test("wireTransport tells the end behind what the codec holds", async () => {
  const { stream, events } = open(new ToyCodec());
  stream.receiver!.data(join(...MIXED));
  stream.receiver!.end();
  stream.receiver!.closed(new Error("reset"));
  while (events.list.length <= MIXED.length) await turn();
  assertEquals(events.list, [...MIXED_EVENTS, "ended by a fault"]);
});

test("wireTransport.pause() holds what is behind the event", async () => {
  const { transport, stream, events } = open();
  events.on = () => transport.pause();
  stream.receiver!.data(join(frame(1, "1"), frame(9, "2"), frame(1, "3")));
  assertEquals(events.list, ["1"]);
  assertEquals(stream.calls, ["pause"]);
  await turn();
  assertEquals(events.list, ["1"]);
  transport.resume();
  assertEquals(events.list, ["1", "ping 2"]);
  transport.resume();
  assertEquals(events.list, ["1", "ping 2", "3"]);
  assertEquals(stream.calls, ["pause"]);
  transport.resume();
  assertEquals(stream.calls, ["pause", "resume"]);
});

test("wireTransport.resume() inside an event does not nest events", () => {
  const { transport, stream, events } = open();
  let inside = 0;
  events.on = () => {
    assertEquals(inside++, 0);
    transport.pause();
    transport.resume();
    inside--;
  };
  stream.receiver!.data(join(frame(1, "1"), frame(1, "2"), frame(1, "3")));
  assertEquals(events.list, ["1", "2", "3"]);
});

test("wireTransport delivers what is held before the end of the stream", () => {
  const { transport, stream, events } = open();
  events.on = (event) => event === "1" && transport.pause();
  stream.receiver!.data(join(frame(1, "1"), frame(1, "2")));
  assertEquals(events.list, ["1"]);
  stream.receiver!.end();
  assertEquals(events.list, ["1", "2"]);
  assertEquals(stream.calls, ["pause", "destroy"]);
  stream.receiver!.closed();
  assertEquals(events.list, ["1", "2", "ended"]);
});

test("wireTransport.terminate() inside an event ends them", () => {
  const { transport, stream, events } = open();
  events.on = (event) => event === "1" && transport.terminate();
  stream.receiver!.data(join(frame(1, "1"), frame(1, "2")));
  stream.receiver!.data(frame(1, "3"));
  assertEquals(events.list, ["1"]);
  assert(stream.calls.includes("destroy"));
  stream.receiver!.closed();
  assertEquals(events.list, ["1", "ended"]);
});

/** The last events: what the peer sends, and what is told. */
const LAST: readonly [Uint8Array<ArrayBuffer>, string][] = [
  [hex("88 02 03 e8"), "close 1000"],
  [hex("83 00"), "failed ProtocolError"],
];

test("wireTransport lets a message be answered before the end in its turn", async () => {
  const chunks = LAST.flatMap(([bytes, last]) => [
    [last, join(frame(1, "hi"), bytes)] as const,
    [last, frame(1, "hi"), bytes] as const,
  ]);
  for (const [last, ...parts] of chunks) {
    const { transport, stream, events } = open();
    events.on = (event) => {
      if (event !== "hi") return;
      queueMicrotask(() => transport.send(1, "answer"));
    };
    for (const part of parts) stream.receiver!.data(part);
    stream.receiver!.end();
    assertEquals(events.list, ["hi"]);
    await turn();
    assertEquals(events.list, ["hi", last]);
    stream.releaseAll();
    // A masked text of 6 bytes goes out first.
    assertEquals(toHex(stream.written().subarray(0, 2)), "81 86");
    stream.receiver!.closed();
    assertEquals(events.list, ["hi", last, "ended"]);
  }
});

test("wireTransport lets a message be answered before corrupt data in its turn", async () => {
  const bad = frame(1, "no", true);
  const tooLate = frame(1, "late");
  for (
    const parts of [
      [join(frame(1, "hi"), bad, tooLate)],
      [frame(1, "hi"), bad, tooLate],
    ]
  ) {
    const { transport, stream, events } = open(new CorruptCodec());
    events.on = (event) => {
      if (event !== "hi") return;
      queueMicrotask(() => transport.send(1, "answer"));
    };
    for (const part of parts) stream.receiver!.data(part);
    assertEquals(events.list, ["hi"]);
    await turn();
    assertEquals(events.list, ["hi", "failed ProtocolError"]);
    stream.releaseAll();
    assertEquals(toHex(stream.written().subarray(0, 2)), "81 86");
    stream.receiver!.end();
    stream.receiver!.closed();
    assertEquals(events.list, ["hi", "failed ProtocolError", "ended"]);
  }
});

test("wireTransport lets a message be answered before the end that was held with it", async () => {
  for (const [bytes, last] of LAST) {
    const { transport, stream, events } = open();
    events.on = (event) => event === "hi" && transport.pause();
    stream.receiver!.data(frame(1, "hi"));
    stream.receiver!.data(bytes);
    await turn();
    // The message has been taken.
    transport.resume();
    assertEquals(events.list, ["hi"]);
    await turn();
    assertEquals(events.list, ["hi", last]);
    stream.receiver!.closed();
  }
});

test("wireTransport lets a message be answered before the end that came while it was decoded", async () => {
  for (const [bytes, last] of LAST) {
    const { stream, events } = open(new ToyCodec());
    const told = deferred();
    events.on = (event) => event === "hi" && told.resolve();
    stream.receiver!.data(frame(1, "hi", true));
    stream.receiver!.data(bytes);
    await told.promise;
    for (let i = 0; i < 10; i++) await Promise.resolve();
    assertEquals(events.list, ["hi"]);
    await turn();
    await turn();
    assertEquals(events.list, ["hi", last]);
    stream.receiver!.closed();
  }
});

test("wireTransport tells the end that was held before the stream's", async () => {
  for (const [bytes, last] of LAST) {
    const { transport, stream, events } = open();
    events.on = (event) => event === "hi" && transport.pause();
    stream.receiver!.data(frame(1, "hi"));
    stream.receiver!.data(bytes);
    stream.receiver!.end();
    stream.receiver!.closed();
    await turn();
    assertEquals(events.list, ["hi", last, "ended"]);
    assert(!stream.calls.includes("destroy"));
  }
});

test("wireTransport reads on behind the last event, though its reader has enough", async () => {
  for (const [bytes, last] of LAST) {
    const { transport, stream, events } = open();
    events.on = (event) => event === "hi" && transport.pause();
    stream.receiver!.data(join(frame(1, "hi"), bytes));
    assertEquals(stream.calls, ["pause"]);
    transport.resume();
    // What was read with the end has been kept by the reader meanwhile.
    transport.pause();
    await turn();
    assertEquals(events.list, ["hi", last]);
    assertEquals(stream.calls.slice(0, 2), ["pause", "resume"]);
    stream.receiver!.closed();
  }
});

test("wireTransport tells the end in a message's turn before the stream's", async () => {
  for (const [bytes, last] of LAST) {
    const { stream, events } = open();
    stream.receiver!.data(join(frame(1, "hi"), bytes));
    stream.receiver!.closed();
    await turn();
    assertEquals(events.list, ["hi", last, "ended"]);
  }
});

test("wireTransport.terminate() forgets the end in a message's turn", async () => {
  for (const [bytes] of LAST) {
    const { transport, stream, events } = open();
    stream.receiver!.data(join(frame(1, "hi"), bytes));
    transport.terminate();
    await turn();
    stream.receiver!.closed();
    assertEquals(events.list, ["hi", "ended"]);
  }
});

test("wireTransport frees the codec once the stream is over", async () => {
  const codec = new ToyCodec();
  const { stream, events } = open(codec);
  stream.receiver!.closed();
  assertEquals(events.list, ["ended"]);
  await turn();
  assert(codec.closed > 0);
});

test("wireTransport.send() keeps the order across a codec that takes its time", async () => {
  const codec = new ToyCodec();
  const { transport, stream } = open(codec);
  // The caller sends nothing more before a promise settles.
  for (const text of ["long enough", "short", "also long enough"]) {
    await transport.send(1, text);
  }
  await transport.sendPrepared(new PreparedMessage(1, "prepared"));
  transport.flush();
  stream.releaseAll();
  assertEquals(unmasked(stream.written()), [
    ["c1", "long enough"],
    ["81", "short"],
    ["c1", "also long enough"],
    ["c1", "prepared"],
  ]);
  assertEquals(codec.most.encode, 1);
});

/** The frames of a client, those with RSV1 flipped. */
function unmasked(bytes: Uint8Array): [head: string, text: string][] {
  return readFrames(bytes).map((read) => {
    const payload = read.rsv === 4 ? flip(read.payload) : read.payload;
    return [toHex(Uint8Array.of(firstByte(read))), decoder.decode(payload)];
  });
}

test("wireTransport delivers nothing of a message in fragments behind the end", async () => {
  const ends: [frame: Uint8Array, event: string][] = [
    [hex("88 02 03e8"), "close 1000"],
    [hex("83 00"), "failed ProtocolError"],
  ];
  for (const [end, event] of ends) {
    const { stream, events } = open(new ToyCodec());
    events.messageStart = () => void events.list.push("start");
    // The beginning of a compressed message, in the same chunk.
    stream.receiver!.data(join(hex("42 01 ff"), end));
    await turn();
    await turn();
    assertEquals(events.list, [event]);
  }
});

test("wire: fragments without a payload fill a turn, and the stream waits", async () => {
  const { stream } = open();
  await turn();
  const receiver = stream.receiver!;
  receiver.data(hex("01 00"));
  const chunk = new Uint8Array(65_536); // continuations, of nothing
  let chunks = 0;
  for (; !stream.calls.includes("pause"); chunks++) {
    assert(chunks < 10, "a chunk has 32,768 of them");
    receiver.data(chunk.slice());
  }
  while (!stream.calls.includes("resume")) await turn();
});
