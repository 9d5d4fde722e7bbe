import { constants, type InflateRaw } from "node:zlib";
import { ReadLimitError } from "../errors.ts";
import { freeContext, makeInflate } from "./contexts.ts";
import { CONTEXT_COST, inputCost } from "./costs.ts";
import {
  connectionOver,
  corrupt,
  isCorrupt,
  tooManyFinalBlocks,
} from "./faults.ts";
import { ownBytes } from "./own_bytes.ts";
import { hasTime, myTurn, spend } from "../base/turns.ts";

/**
 * Takes inflated bytes. If it returns a promise, no more come until it settles.
 */
export type Emit = (part: Uint8Array<ArrayBuffer>) => Promise<void> | undefined;

// RFC 7692, section 7.2.2: 00 00 ff ff completes what the sender has begun. We
// append more empty blocks: after a complete message they do nothing, but in
// one that is cut off they turn into data, which shows. They are more than the
// longest header of a block, 286 bytes, can swallow (RFC 1951, section 3.2.7).
const EMPTY_BLOCK: readonly number[] = [0x00, 0x00, 0x00, 0xff, 0xff];
const TAIL = Uint8Array.from(
  { length: 64 * EMPTY_BLOCK.length },
  (_, i) => EMPTY_BLOCK[i % EMPTY_BLOCK.length]!,
).subarray(1);
const NOTHING: Uint8Array = new Uint8Array(0);

// How much of a message zlib is given at a time, in bytes.
const SLICE = 65_536;

// RFC 7692, section 7.2.3.4, allows any number of final blocks; a sender that
// cannot flush otherwise makes one with each flush. But each costs us a zlib
// context, for two bytes on the wire.
const MAX_FINAL_BLOCKS = 256;

// A piece that zlib is inflating.
interface Run {
  readonly emit: Emit;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Inflates messages piece by piece (RFC 7692, section 7.2.2). One zlib context
 * serves a message, or, with context takeover, all of a connection. It stops at
 * the limit, and while its receiver has enough. Only one call at a time.
 */
export class Inflater {
  readonly #windowBits: number;
  readonly #contextTakeover: boolean;
  #context: InflateRaw | undefined;
  #given = 0; // bytes given to this context
  #inflated = 0; // bytes of the message
  #finalBlocks = 0; // of the message
  #limit = 0;
  #run: Run | undefined;
  #flushed = false; // whether the context is done with the run's input
  #waiting = false; // for the receiver, or for its turn
  #closed = false;

  constructor(windowBits: number, contextTakeover: boolean) {
    this.#windowBits = windowBits;
    this.#contextTakeover = contextTakeover;
  }

  /**
   * Inflates a piece.
   *
   * @param data The piece; unchanged until the promise settles
   * @param last Whether it is the message's last
   * @param limit The most bytes of the message, inflated
   * @param emit Takes them
   * @throws {ReadLimitError} If the message exceeds the limit
   * @throws {ProtocolError} If it is corrupt or cut off
   */
  async inflate(
    data: Uint8Array,
    last: boolean,
    limit: number,
    emit: Emit,
  ): Promise<void> {
    this.#limit = limit;
    for (let start = 0; start < data.length; start += SLICE) {
      const slice = data.subarray(start, start + SLICE);
      const end = last && start + SLICE >= data.length;
      await this.#inflateSlice(slice, end, emit);
    }
    if (!last) return;
    if (data.length === 0) await this.#inflateSlice(data, true, emit);
    this.#inflated = 0;
    this.#finalBlocks = 0;
    if (!this.#contextTakeover) this.#free();
  }

  /** Frees the context; a pending call rejects. */
  close(): void {
    this.#closed = true;
    this.#free();
    this.#settle(connectionOver());
  }

  async #inflateSlice(
    slice: Uint8Array,
    end: boolean,
    emit: Emit,
  ): Promise<void> {
    const tail = end ? TAIL : NOTHING;
    let rest = slice;
    let cost = inputCost(slice.length);
    for (;;) {
      if (this.#context === undefined) cost += CONTEXT_COST;
      if (hasTime()) spend(cost);
      else await myTurn(cost);
      cost = 0;
      const before = this.#given;
      await this.#feed(rest, tail, emit);
      if (this.#context === undefined) throw connectionOver();
      const used = this.#context.bytesWritten - before;
      if (used === rest.length + tail.length) return;
      // zlib takes nothing after a final block; what follows it begins anew
      // (RFC 7692, section 7.2.3.4).
      this.#free();
      if (used > rest.length) throw corrupt();
      if (++this.#finalBlocks > MAX_FINAL_BLOCKS) {
        throw tooManyFinalBlocks(MAX_FINAL_BLOCKS);
      }
      rest = rest.subarray(used);
      if (rest.length === 0) return;
    }
  }

  // Gives a piece to zlib and waits until all of its output has been emitted.
  async #feed(
    data: Uint8Array,
    tail: Uint8Array,
    emit: Emit,
  ): Promise<void> {
    if (this.#closed) throw connectionOver();
    const context = this.#context ??= this.#make();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#run = { emit, resolve, reject };
    this.#flushed = false;
    this.#given += data.length + tail.length;
    let beforeTail = this.#inflated;
    if (data.length > 0) {
      // Once this has been written, all output is there, emitted or not.
      context.write(data, () => {
        beforeTail = this.#inflated + context.readableLength;
      });
    }
    if (tail.length > 0) context.write(tail);
    context.flush(constants.Z_SYNC_FLUSH, () => {
      // It also calls back after it has failed or was freed.
      if (context !== this.#context || context.destroyed) return;
      this.#flushed = true;
      this.#finish();
    });
    await promise;
    if (tail.length > 0 && this.#inflated > beforeTail) throw corrupt();
  }

  #make(): InflateRaw {
    const context = makeInflate(this.#windowBits);
    context.on("data", (chunk: Uint8Array) => {
      if (context === this.#context) this.#output(chunk);
    });
    context.on("error", (error: Error) => {
      if (context !== this.#context) return;
      this.#fail(isCorrupt(error) ? corrupt(error) : error);
    });
    return context;
  }

  #output(chunk: Uint8Array): void {
    const { length } = chunk;
    this.#inflated += length;
    if (this.#inflated > this.#limit) {
      return this.#fail(new ReadLimitError(this.#limit));
    }
    let enough: Promise<void> | undefined;
    try {
      enough = this.#run?.emit(ownBytes(chunk));
    } catch (error) {
      return this.#fail(error);
    }
    if (enough === undefined && !hasTime()) return this.#wait(myTurn(length));
    spend(length);
    if (enough !== undefined) this.#wait(enough);
    else this.#finish();
  }

  // zlib stops while its output is not read.
  #wait(until: Promise<void>): void {
    const context = this.#context!;
    this.#waiting = true;
    context.pause();
    until.then(() => {
      if (context !== this.#context) return;
      this.#waiting = false;
      context.resume();
      this.#finish();
    }, (error) => this.#fail(error));
  }

  #finish(): void {
    if (!this.#flushed || this.#waiting) return;
    if (this.#context!.readableLength === 0) this.#settle();
  }

  #fail(error: unknown): void {
    this.#free();
    this.#settle(error);
  }

  #settle(error?: unknown): void {
    const run = this.#run;
    this.#run = undefined;
    if (error === undefined) run?.resolve();
    else run?.reject(error);
  }

  #free(): void {
    if (this.#context !== undefined) freeContext(this.#context);
    this.#context = undefined;
    this.#given = 0;
    this.#waiting = false;
  }
}
