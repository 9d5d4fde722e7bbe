/** Holds whole connections, codec and all, against the references. */

import { CloseError, type CloseInfo } from "../../../../src/close.ts";
import type { Conn } from "../../../../src/conn/conn.ts";
import { openContexts } from "../../../../src/deflate/contexts.ts";
import { ReadLimitError } from "../../../../src/errors.ts";
import { ProtocolError } from "../../../../src/peer_errors.ts";
import { join, show } from "../../../unit/protocol/recorder.ts";
import { rawLink } from "../../../unit/deflate/links.ts";
import { chooseChunking, Chunking } from "../chunks.ts";
import { ReferenceDecoder } from "../reference/decoder.ts";
import { stallBefore } from "../stall.ts";
import type { Fault, Target } from "../target.ts";
import { aside } from "../turn_meter.ts";
import { type Ending, expectEnding } from "./conn_ending.ts";
import { deflateBytes } from "./deflate_bytes.ts";
import { smallerFrames } from "./smaller_frames.ts";
import { changedFrames, looseBytes } from "./wire_bytes.ts";

const LIMITS: readonly number[] = [Infinity, 1, 10, 126, 500, 65_536];
const BUFFERS: readonly number[] = [0, 1, 100];

// A megabyte that comes byte by byte takes seconds, and a busy machine longer
// than is waited.
const LARGE = 100_000;

/** The settings of an input: flags, limit, chunking, stalls of the clock. */
const SETTINGS = 4;

function settingsOf(input: Uint8Array) {
  const [flags = 0, limit = 0, chunks = 0, stall = 0] = input;
  return {
    side: flags & 1 ? "client" : "server",
    takeover: (flags & 2) !== 0,
    /** Messages are read in pieces. */
    pieces: (flags & 4) !== 0,
    readBufferSize: BUFFERS[(flags >> 3) % BUFFERS.length]!,
    readLimit: LIMITS[limit % LIMITS.length]!,
    chunking: new Chunking(chunks),
    /** Before which looks at the clock it stalls, of eight. */
    stall,
  } as const;
}

/** What a peer sends on a connection that has negotiated compression. */
export const connTarget: Target = {
  name: "conn",
  about: "a connection with compression, under frames that are changed",
  settings: SETTINGS,
  generate(random) {
    const flags = random.below(24);
    const side = flags & 1 ? "client" : "server";
    const wire = random.oneIn(8)
      ? looseBytes(random, side)
      : changedFrames(random, side, deflateBytes);
    const limit = random.oneIn(2) ? 0 : random.below(LIMITS.length);
    const chunks = wire.length < LARGE
      ? chooseChunking(random)
      : random.oneIn(2)
      ? 0
      : 127;
    const stall = random.oneIn(2) ? 0 : random.below(256);
    return join([Uint8Array.of(flags, limit, chunks, stall), wire]);
  },
  check,
  *smaller(input) {
    for (const wire of smallerFrames(input.subarray(SETTINGS))) {
      yield join([input.subarray(0, SETTINGS), wire]);
    }
  },
  describe(input) {
    const { chunking, ...rest } = settingsOf(input);
    return `${JSON.stringify(rest)}, ${chunking}: ${
      show(input.subarray(SETTINGS, SETTINGS + 200))
    }`;
  },
};

async function check(input: Uint8Array<ArrayBuffer>): Promise<Fault> {
  const settings = settingsOf(input);
  const { side, takeover, readLimit, chunking } = settings;
  const wire = input.subarray(SETTINGS);
  using _ = stallBefore(settings.stall);
  const before = openContexts();
  const { conn, stream, bytes } = rawLink(side, {
    takeover,
    readLimit,
    readBufferSize: settings.readBufferSize,
    // One that is waited for is seen to hang.
    closeTimeout: 60_000,
  });
  const peer = send(stream, chunking.cut(wire));
  const read = readAll(conn, settings.pieces);
  const [{ messages, error }, info] = await Promise.all([
    read,
    conn.closed,
    peer,
  ]);
  stream.destroy();

  const expected = aside(() =>
    expectEnding(wire, { side, takeover, readLimit })
  );
  const count = Math.min(messages.length, expected.messages.length);
  for (let i = 0; i < count; i++) {
    if (messages[i] !== expected.messages[i]) {
      return `message: ${i} is ${messages[i]} and not ${expected.messages[i]}`;
    }
  }
  if (messages.length !== expected.messages.length) {
    return `messages: ${messages.length} and not ${expected.messages.length}`;
  }
  const fault = checkEnd(error, info, expected) ??
    checkSent(bytes.bytes, side, expected, codeOf(error));
  if (fault !== undefined) return fault;
  return openContexts() === before
    ? undefined
    : `contexts: ${openContexts() - before} are left open`;
}

/** Sends chunk by chunk, and then the end, as far as it is taken. */
async function send(
  stream: { write: PipeWrite; end(): void },
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  for (const chunk of chunks) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    stream.write(chunk, resolve);
    if (await promise !== undefined) return;
  }
  stream.end();
}

type PipeWrite = (chunk: Uint8Array, done: (error?: unknown) => void) => void;

/** Reads to the end; messages as their type and digits. */
async function readAll(
  conn: Conn,
  pieces: boolean,
): Promise<{ messages: string[]; error: unknown }> {
  const messages: string[] = [];
  try {
    for (;;) {
      if (pieces) {
        const reader = await conn.nextReader();
        messages.push(`${reader.type} ${show(await reader.bytes())}`);
        continue;
      }
      const { type, data } = await conn.readMessage();
      const bytes = typeof data === "string"
        ? new TextEncoder().encode(data)
        : data;
      messages.push(`${type} ${show(bytes)}`);
    }
  } catch (error) {
    return { messages, error };
  }
}

/** The code that the connection was failed with, or that the peer has sent. */
function codeOf(error: unknown): number {
  if (error instanceof ReadLimitError) return 1009;
  if (error instanceof ProtocolError || error instanceof CloseError) {
    return error.code;
  }
  throw error;
}

function checkEnd(error: unknown, info: CloseInfo, expected: Ending): Fault {
  const code = codeOf(error);
  const { failures, close } = expected;
  if (!(error instanceof CloseError)) {
    if (!failures.includes(code)) {
      return `end: failed with ${code} and not ${failures.join(" or ")}`;
    }
    return info.code === 1006 && !info.wasClean && info.cause === error
      ? undefined
      : `closed: ${JSON.stringify(info)} where it was failed with ${code}`;
  }
  if (close?.code !== code || close.reason !== error.reason) {
    return `end: close ${code} and not ${close?.code} or ${failures.join()}`;
  }
  const clean = code !== 1006;
  return info.code === code && info.reason === close.reason &&
      info.wasClean === clean && info.initiator !== "local"
    ? undefined
    : `closed: ${JSON.stringify(info)} where the peer said ${code}`;
}

/** What the peer gets: pongs in order, then a close frame. */
function checkSent(
  bytes: Uint8Array,
  side: "server" | "client",
  expected: Ending,
  code: number,
): Fault {
  const decoder = new ReferenceDecoder({
    side: side === "server" ? "client" : "server",
    rsv1: true,
    readLimit: Infinity,
  });
  for (const byte of bytes) decoder.push(byte);
  const { entries } = decoder;
  const pings = [...expected.pings];
  for (const { what, bytes } of entries) {
    if (what === "close") break;
    // While others wait, only the latest ping is answered (section 5.5.3).
    const pong = show(Uint8Array.from(bytes));
    const at = pings.indexOf(pong);
    if (what !== "pong" || at < 0) return `sent: ${what} ${pong}`;
    pings.splice(0, at + 1);
  }
  const last = entries.at(-1);
  if (code === 1006) {
    return last?.what === "close" ? `sent: close ${last.code}` : undefined;
  }
  return last?.what === "close" && last.code === code
    ? undefined
    : `sent: ${last?.what} ${last?.code} and not close ${code}`;
}
