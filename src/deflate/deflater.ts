import { constants, type DeflateRaw } from "node:zlib";
import { freeContext, makeDeflate } from "./contexts.ts";
import { connectionOver } from "./faults.ts";
import type { DeflateSettings } from "./zlib_options.ts";

/**
 * Compresses messages that may refer to the ones before (RFC 7692, section
 * 7.2.1): a zlib context for the life of a connection, made on first use. Only
 * one call at a time; the caller counts its cost.
 */
export class Deflater {
  #settings: DeflateSettings;
  #context: DeflateRaw | undefined;
  #output: Uint8Array[] = [];
  #reject: ((error: Error) => void) | undefined;
  #closed = false;

  constructor(settings: DeflateSettings) {
    this.#settings = settings;
  }

  /**
   * Compresses the next bytes.
   *
   * @param data The bytes, at least one; unchanged until the promise settles
   * @returns Blocks that end with 00 00 ff ff
   */
  deflate(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closed) return Promise.reject(connectionOver());
    const context = this.#context ??= this.#make();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      context.write(data);
      context.flush(constants.Z_SYNC_FLUSH, () => {
        // It also calls back after it has failed or was freed.
        if (context !== this.#context || context.destroyed) return;
        this.#reject = undefined;
        resolve(this.#take());
      });
    });
  }

  /**
   * Sets the level for the bytes to come. Must be called between messages. The
   * context is reset.
   *
   * @param level zlib's level
   */
  setLevel(level: number): void {
    if (level === this.#settings.level) return;
    this.#settings = { ...this.#settings, level };
    this.#free();
  }

  /** Resets the context: later messages refer to nothing before. */
  reset(): void {
    this.#context?.reset();
  }

  /** Frees the context; a pending call rejects. */
  close(): void {
    this.#closed = true;
    this.#free();
    this.#output = [];
    this.#reject?.(connectionOver());
    this.#reject = undefined;
  }

  #make(): DeflateRaw {
    const context = makeDeflate(this.#settings);
    context.on("data", (chunk: Uint8Array) => this.#output.push(chunk));
    context.on("error", (cause: Error) => {
      if (context !== this.#context) return;
      const reject = this.#reject;
      this.#reject = undefined;
      this.close();
      reject?.(new Error("Cannot compress message", { cause }));
    });
    return context;
  }

  #free(): void {
    if (this.#context !== undefined) freeContext(this.#context);
    this.#context = undefined;
  }

  #take(): Uint8Array<ArrayBuffer> {
    const chunks = this.#output;
    this.#output = [];
    return joinBytes(chunks);
  }
}

/** Joins chunks; a single one is not copied. */
export function joinBytes(
  chunks: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0] as Uint8Array<ArrayBuffer>;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
