/** Cuts what the peer sends into the chunks that the run asks for. */

import { concat } from "../../unit/deflate/samples.ts";
import type { Chunks, MessageStep, Part } from "./case.ts";
import { inFragments } from "./case.ts";
import type { Deflater } from "./deflate.ts";
import type { RawPeer } from "../../support/raw_peer.ts";
import { encodeFrame, type Frame, toBytes } from "../../support/frames.ts";

/** Bytes that go out in one write at most, where nothing is cut. */
const ONE_WRITE = 65_536;

/** A turn of the event loop, in which the target can read what was written. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a peer sends, in order. */
export class Writer {
  readonly #peer: RawPeer;
  readonly #chunks: Chunks;
  readonly #deflater: Deflater | undefined;
  readonly #stop: () => boolean;
  /** Encoded frames of which parts go out one after the other. */
  readonly #parts: Map<Frame, Uint8Array> = new Map();
  #waiting: Uint8Array[] = [];
  #size = 0;
  #keys = 0;

  /** Once `stop` says so, nothing more is sent. */
  constructor(
    peer: RawPeer,
    chunks: Chunks,
    stop: () => boolean,
    deflater?: Deflater,
  ) {
    this.#peer = peer;
    this.#stop = stop;
    this.#chunks = chunks;
    this.#deflater = deflater;
  }

  /** Sends a frame, a part of one, or a message. */
  async write(step: Frame | Part | MessageStep): Promise<void> {
    if ("part" in step) return await this.#send(this.#partOf(step));
    if ("opcode" in step) return await this.#send(this.#encode(step));
    for (const frame of await this.#framesOf(step)) {
      await this.#send(this.#encode(frame));
    }
  }

  /** Sends what is still gathered. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0 || this.#stop()) return;
    const bytes = concat(this.#waiting);
    this.#waiting = [];
    this.#size = 0;
    if (typeof this.#chunks !== "number") return await this.#peer.write(bytes);
    for (let at = 0; at < bytes.length; at += this.#chunks) {
      if (this.#stop()) return;
      await this.#peer.write(bytes.subarray(at, at + this.#chunks));
      await turn();
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    if (this.#chunks === "frames") {
      await this.flush();
      await turn();
    } else if (this.#size >= ONE_WRITE) await this.flush();
  }

  // RFC 7692, section 6.1: a message is compressed, then cut into fragments.
  async #framesOf(step: MessageStep): Promise<Frame[]> {
    const data = toBytes(step.data);
    const payload = await this.#deflater?.deflate(data) ?? data;
    const size = step.fragment ?? Math.max(1, payload.length);
    const frames = inFragments(step.message, payload, size);
    if (this.#deflater === undefined) return frames;
    return [{ ...frames[0]!, rsv: 4 }, ...frames.slice(1)];
  }

  #partOf({ part, from, to }: Part): Uint8Array {
    const bytes = this.#parts.get(part) ?? this.#encode(part);
    this.#parts.set(part, bytes);
    const header = bytes.length - toBytes(part.payload ?? "").length;
    return bytes.subarray(from === 0 ? 0 : header + from, header + to);
  }

  #encode(frame: Frame): Uint8Array {
    return encodeFrame(
      frame,
      this.#peer.side === "client" ? this.#nextKey() : undefined,
    );
  }

  /** Another key for each frame, with no byte of 0. */
  #nextKey(): Uint8Array {
    const seed = ++this.#keys * 0x9e3779b1;
    return new Uint8Array([seed >>> 24, seed >>> 16, seed >>> 8, seed])
      .map((byte) => byte | 1);
  }
}
