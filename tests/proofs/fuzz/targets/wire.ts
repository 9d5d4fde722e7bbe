/** Round trips: two connections say things to each other, and all of it comes. */

import type { Conn } from "../../../../src/conn/conn.ts";
import { connSettings } from "../../../../src/conn/options.ts";
import { DeflateCodec } from "../../../../src/deflate/codec.ts";
import { openContexts } from "../../../../src/deflate/contexts.ts";
import { PreparedMessage } from "../../../../src/prepared.ts";
import { wireConn } from "../../../../src/conn_over.ts";
import { pipeStreams } from "../../../../src/testing/pipe_stream.ts";
import { agreement } from "../../../unit/deflate/links.ts";
import { jsonBytes } from "../../../unit/deflate/samples.ts";
import { chooseChunking, Chunking } from "../chunks.ts";
import { Random } from "../random.ts";
import type { Fault, Target } from "../target.ts";
import { RaggedStream } from "./ragged_stream.ts";
import { checksum, type Saying, take } from "./saying.ts";
import { randomText } from "./wire_bytes.ts";

const SIDES = ["server", "client"] as const;
type Side = (typeof SIDES)[number];
const BUFFERS: readonly number[] = [0, 1, 64, 5000];

/** The settings of an input: see `settingsOf`. */
const SETTINGS = 8;
/** Bytes of what is said: who and how, with which data, and its length. */
const SAYING = 4;

function settingsOf(input: Uint8Array) {
  const [flags = 0, bits = 0, level = 0, here = 0, there = 0, buffers = 0] =
    input;
  return {
    compression: (flags & 1) !== 0,
    takeover: ([false, "server", "client", true] as const)[flags >> 1 & 3]!,
    chunkSize: flags & 8 ? 1 + (flags >> 4) * 30 : undefined,
    windowBits: 8 + bits % 8,
    level: level % 12 - 2,
    threshold: level & 0x80 ? 200 : 0,
    chunking: { server: new Chunking(here), client: new Chunking(there) },
    readBufferSize: BUFFERS[buffers & 3]!,
    writeBufferSize: BUFFERS[buffers >> 2 & 3]!,
    bufferSize: buffers & 16 ? 1000 : 65_536,
    seed: input[6]! * 256 + input[7]!,
  };
}

/** Each saying is four bytes: who and how, which data, its length. */
export const wireTarget: Target = {
  name: "wire",
  about: "round trips between two connections, in every way to write and read",
  settings: SETTINGS,
  generate(random) {
    const count = 1 + random.below(12);
    const input = random.bytes(SETTINGS + SAYING * count);
    input[3] = chooseChunking(random);
    input[4] = chooseChunking(random);
    for (let at = SETTINGS; at < input.length; at += SAYING) {
      // In memory, a message in chunks of a byte comes in one turn.
      const length = random.oneIn(100)
        ? random.below(16_384)
        : random.length(1_500);
      input[at + 2] = length >> 8;
      input[at + 3] = length;
    }
    return input;
  },
  check,
  describe(input) {
    const { chunking, ...rest } = settingsOf(input);
    return `${JSON.stringify(rest)}, server ${chunking.server}, client ` +
      `${chunking.client}, ${
        Math.floor((input.length - SETTINGS) / SAYING)
      } messages`;
  },
};

async function check(input: Uint8Array<ArrayBuffer>): Promise<Fault> {
  const settings = settingsOf(input);
  const before = openContexts();
  const conns = connect(settings);
  const said: Record<Side, Saying[]> = { server: [], client: [] };
  for (let at = SETTINGS; at + SAYING <= input.length; at += SAYING) {
    const way = input[at]!;
    said[SIDES[way & 1]!].push(sayingOf(input.subarray(at, at + SAYING), at));
  }
  // Each has its own: which goes first is not for the seed to say.
  const random = (task: number) => new Random(settings.seed, task);
  const results = await Promise.allSettled([
    say(conns.server, said.server, random(1)),
    say(conns.client, said.client, random(2)),
    listen(conns.client, said.server, random(3)),
    listen(conns.server, said.client, random(4)),
  ]);
  // A fault comes first: what else fails follows from it.
  for (const result of results) {
    if (result.status === "fulfilled" && result.value) return result.value;
  }
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
  }
  const { server, client } = conns;
  const closer = settings.seed & 1 ? server : client;
  await closer.close(4000, "done");
  const ends = await Promise.all([server.closed, client.closed]);
  for (const { code, wasClean } of ends) {
    if (code !== 4000 || !wasClean) return `close: ${code}, clean ${wasClean}`;
  }
  return openContexts() === before
    ? undefined
    : `contexts: ${openContexts() - before} are left open`;
}

function connect(settings: ReturnType<typeof settingsOf>): Record<Side, Conn> {
  const { chunkSize, bufferSize, chunking, compression } = settings;
  const [server, client] = pipeStreams(
    chunkSize === undefined ? { bufferSize } : { bufferSize, chunkSize },
  );
  const make = (stream: typeof server, side: Side): Conn => {
    const { readBufferSize, writeBufferSize, level, threshold } = settings;
    const codec = compression
      ? new DeflateCodec(side, agreement(settings), { level, threshold })
      : undefined;
    // One that is waited for is seen to hang.
    const times = { keepAlive: false, closeTimeout: 60_000 } as const;
    const options = { ...times, readBufferSize, writeBufferSize };
    return wireConn(
      new RaggedStream(stream, chunking[side]),
      side,
      "",
      connSettings(options, side),
      codec,
    );
  };
  return { server: make(server, "server"), client: make(client, "client") };
}

/** A message, its type and checksum in it, and how it is to be written. */
function sayingOf(bytes: Uint8Array, salt: number): Saying {
  const [way = 0, kind = 0, high = 0, low = 0] = bytes;
  const length = high * 256 + low;
  const random = new Random(way * 256 + kind, salt);
  const isText = (kind & 1) !== 0;
  const data = isText
    ? kind & 2 ? jsonBytes(length) : randomText(random, length)
    : kind & 2
    ? new Uint8Array(length).fill(kind)
    : random.bytes(length);
  return {
    type: isText ? 1 : 2,
    data,
    sum: checksum(data),
    way: way >> 1,
    cuts: kind >> 2 & 7,
  };
}

/** Says all, with control frames between; the pings must come back. */
async function say(
  conn: Conn,
  sayings: readonly Saying[],
  random: Random,
): Promise<Fault> {
  const pending: Promise<unknown>[] = [];
  for (const saying of sayings) {
    if (random.oneIn(4)) {
      pending.push(conn.ping(random.bytes(random.below(126))));
    }
    if (random.oneIn(6)) pending.push(conn.writeControl(10, random.bytes(3)));
    if (random.oneIn(8)) conn.enableWriteCompression(random.oneIn(2));
    if (random.oneIn(8)) conn.setCompressionLevel(random.below(10));
    const written = write(conn, saying);
    if (saying.way & 64) pending.push(written);
    else await written;
  }
  await Promise.all(pending);
  return undefined;
}

async function write(conn: Conn, saying: Saying): Promise<void> {
  const { type, data, way, cuts } = saying;
  const text = type === 1
    ? new TextDecoder("utf-8", { ignoreBOM: true })
    : undefined;
  switch (way & 3) {
    case 0:
      return await conn.writeMessage(type, data);
    case 1:
      return await conn.send(text?.decode(data) ?? data);
    case 2:
      return await conn.writePreparedMessage(new PreparedMessage(type, data));
    default: {
      const writer = conn.nextWriter(type).getWriter();
      const size = Math.max(1, Math.ceil(data.length / (cuts + 1)));
      for (let at = 0; at < data.length; at += size) {
        await writer.write(data.subarray(at, at + size));
      }
      await writer.close();
    }
  }
}

/** Hears all, in one way or another. */
async function listen(
  conn: Conn,
  sayings: readonly Saying[],
  random: Random,
): Promise<Fault> {
  for (const [i, saying] of sayings.entries()) {
    const { type, data } = await take(conn, random);
    const sum = checksum(data);
    if (type !== saying.type || sum !== saying.sum) {
      conn.terminate();
      return `message: ${i} is type ${type}, ${data.length} bytes, sum ${sum}` +
        ` and not type ${saying.type}, ${saying.data.length}, ${saying.sum}`;
    }
  }
  return undefined;
}
