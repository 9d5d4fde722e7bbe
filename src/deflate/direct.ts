/**
 * zlib without the streams around it. For a message of a kilobyte, node:zlib
 * takes two thirds as long to make and drop a stream as zlib takes for the work
 * itself; an echo of 64 KiB takes 0.71 of the CPU time on Deno without, and
 * 0.85 on Bun, as a stream's memory is new and cold. The streams' internal
 * handles work synchronously, and can be used again for the next message. They
 * are not a public interface: each is tested before it is used, and a message
 * that they cannot do in one call is left to the public functions.
 */

import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  type DeflateRaw,
  deflateRawSync,
  type InflateRaw,
} from "node:zlib";
import {
  deflateOptions,
  type DeflateSettings,
  type ZlibDeflateOptions,
} from "./zlib_options.ts";

/** Most bytes that a call may put out, as it cannot be interrupted. */
export const MAX_OUTPUT = 262_144;
// A context holds 330 KiB on Deno and 270 on Bun, and peers choose how many
// windows there are. One that is kept takes 0.25 of the time of a new one for
// each message of 1 KiB on Deno, 0.35 on Bun.
const MAX_CONTEXTS = 8;

/** The internal handle of a stream of node:zlib, the same on all runtimes. */
interface Handle {
  onerror: () => void;
  reset(): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputStart: number,
    inputLength: number,
    output: Uint8Array,
    outputStart: number,
    outputLength: number,
  ): void;
}

interface Parts {
  readonly _handle: Handle;
  /** How many bytes of the output are free, and of the input are left. */
  readonly _writeState: Uint32Array;
}

/** A zlib context that processes one message after the other. */
class Context {
  readonly #stream: DeflateRaw | InflateRaw;
  readonly #handle: Handle;
  readonly #left: Uint32Array;
  readonly #flush: number;
  #failed = false;

  constructor(stream: DeflateRaw | InflateRaw, flush: number) {
    const parts = stream as unknown as Parts;
    this.#stream = stream;
    this.#handle = parts._handle;
    this.#left = parts._writeState;
    this.#flush = flush;
    this.#handle.onerror = () => void (this.#failed = true);
  }

  /**
   * The whole output for an input, at most so many bytes, valid until the next
   * call; `undefined` if zlib fails, or has not finished. The last bytes of it
   * can be left out.
   */
  run(
    input: Uint8Array,
    max: number = MAX_OUTPUT,
    without: number = 0,
  ): Uint8Array<ArrayBuffer> | "too long" | undefined {
    const room = max + 1;
    const handle = this.#handle;
    const left = this.#left;
    this.#failed = false;
    handle.reset();
    handle.writeSync(this.#flush, input, 0, input.length, output, 0, room);
    if (this.#failed) return undefined;
    if (left[0] === 0) return "too long";
    if (left[1] !== 0) return undefined;
    return new Uint8Array(output.buffer, 0, room - left[0]! - without);
  }

  close(): void {
    this.#stream.destroy();
  }
}

let output: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let inflater: Context | undefined;
const deflaters: Map<number, Context> = new Map();
let trusted: boolean | undefined;

/**
 * Compresses bytes independent of any before them.
 *
 * @param data The bytes, at least one
 * @param settings Level and window
 * @param without How many bytes to leave out at the end
 * @returns Blocks that end with 00 00 ff ff, valid until the next call;
 * `undefined` to leave it to the public functions
 */
export function deflateDirect(
  data: Uint8Array,
  settings: DeflateSettings,
  without: number,
): Uint8Array<ArrayBuffer> | undefined {
  if (!isTrusted()) return undefined;
  const { level, windowBits } = settings;
  const key = 16 * level + windowBits; // which is at most 15
  let context = deflaters.get(key);
  if (context === undefined) {
    if (deflaters.size === MAX_CONTEXTS) {
      for (const other of deflaters.values()) other.close();
      deflaters.clear();
    }
    context = makeDeflater(deflateOptions(settings));
    deflaters.set(key, context);
  }
  const deflated = context.run(data, MAX_OUTPUT, without);
  if (deflated !== undefined && deflated !== "too long") return deflated;
  // After a reset, zlib-ng still takes the block for begun that it could not end,
  // and the next has no header.
  context.close();
  deflaters.delete(key);
  return undefined;
}

/**
 * Inflates a whole message that does not refer to earlier ones.
 *
 * @param data The message, to the end of its final block
 * @param max The most bytes that it may inflate to, 262,144 at most
 * @returns The bytes, valid until the next call; or that there are more; or
 * `undefined` to leave it to the public functions, as for corrupt data
 */
export function inflateDirect(
  data: Uint8Array,
  max: number,
): Uint8Array<ArrayBuffer> | "too long" | undefined {
  if (!isTrusted()) return undefined;
  return inflater!.run(data, max);
}

function isTrusted(): boolean {
  return trusted ??= doAsExpected();
}

function doAsExpected(): boolean {
  const sample = Uint8Array.from({ length: 999 }, (_, i) => i % 13 * i % 251)
    .subarray(9);
  const options = deflateOptions({ level: 1, windowBits: 15 });
  const flush = constants.Z_SYNC_FLUSH;
  const expected = deflateRawSync(sample, { ...options, finishFlush: flush });
  const whole = deflateRawSync(sample);
  output = new Uint8Array(MAX_OUTPUT + 1);
  try {
    const deflater = makeDeflater(options);
    inflater = new Context(createInflateRaw(), constants.Z_FINISH);
    const faulty = [
      whole.subarray(0, -1),
      Uint8Array.of(0xff, 0xff),
      Uint8Array.from([...whole, 0]),
    ];
    const ok = [1, 2].every(() =>
      equal(deflater.run(sample), expected) &&
      faulty.every((data) => inflater!.run(data) === undefined) &&
      inflater!.run(whole, sample.length - 1) === "too long" &&
      equal(inflater!.run(whole, sample.length), sample)
    );
    deflater.close();
    if (ok) return true;
  } catch {
    // The handles are not the ones that we know.
  }
  output = new Uint8Array(0);
  inflater = undefined;
  return false;
}

function makeDeflater(options: ZlibDeflateOptions): Context {
  return new Context(createDeflateRaw({ ...options }), constants.Z_SYNC_FLUSH);
}

function equal(a: Uint8Array | string | undefined, b: Uint8Array): boolean {
  return a?.length === b.length && b.every((byte, i) => a[i] === byte);
}
