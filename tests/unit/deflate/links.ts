import type { Conn } from "../../../src/conn/conn.ts";
import { type ConnOptions, connSettings } from "../../../src/conn/options.ts";
import { DeflateCodec } from "../../../src/deflate/codec.ts";
import type { Agreement } from "../../../src/deflate/negotiation.ts";
import { wireConn } from "../../../src/conn_over.ts";
import {
  type PipeStream,
  pipeStreams,
} from "../../../src/testing/pipe_stream.ts";
import type { Side } from "../../../src/transport/transport.ts";
import { encodeFrame } from "../../support/frames.ts";
import { record, type Recorder } from "../../support/recorder.ts";

/** What client and server agree on in a test. */
export interface LinkOptions extends ConnOptions {
  /** For both directions, or for one side's messages. */
  readonly takeover?: boolean | "server" | "client";
  readonly windowBits?: number;
  readonly level?: number;
  readonly threshold?: number;
  /** Bytes of a chunk, or as they are written. */
  readonly chunkSize?: number | undefined;
}

/** The same for both sides. */
export function agreement(options: LinkOptions = {}): Agreement {
  const { takeover = false, windowBits = 15 } = options;
  const compression = (side: Side) => ({
    windowBits,
    contextTakeover: takeover === true || takeover === side,
  });
  return {
    header: "permessage-deflate",
    server: compression("server"),
    client: compression("client"),
  };
}

export function codec(side: Side, options: LinkOptions = {}): DeflateCodec {
  const { level = 1, threshold = 0 } = options;
  return new DeflateCodec(side, agreement(options), { level, threshold });
}

function conn(stream: PipeStream, side: Side, options: LinkOptions): Conn {
  const settings = connSettings({ keepAlive: false, ...options }, side);
  return wireConn(stream, side, "", settings, codec(side, options));
}

function pipe(options: LinkOptions): [PipeStream, PipeStream] {
  const { chunkSize } = options;
  return pipeStreams(chunkSize === undefined ? {} : { chunkSize });
}

/** Two connections that compress. */
export function connPair(
  options: LinkOptions = {},
): { server: Conn; client: Conn } {
  const [here, there] = pipe(options);
  return {
    server: conn(here, "server", options),
    client: conn(there, "client", options),
  };
}

/** A connection that compresses, and the bytes at its other end. */
export function rawLink(
  side: Side,
  options: LinkOptions = {},
): { conn: Conn; stream: PipeStream; bytes: Recorder } {
  const [here, there] = pipe(options);
  return {
    conn: conn(here, side, options),
    stream: there,
    bytes: record(there),
  };
}

/** A frame as `side` sends it; a client's mask is 0, so that it shows. */
export function frame(
  side: Side,
  first: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encodeFrame(
    { fin: first > 0x7f, rsv: first >> 4 & 7, opcode: first & 15, payload },
    side === "client" ? new Uint8Array(4) : undefined,
  );
}
