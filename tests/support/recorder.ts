import type {
  ByteReceiver,
  ByteStream,
} from "../../src/transport/byte_stream.ts";
import { deferred, toHex, withTimeout } from "./helper.ts";

/** Notes all that a stream says, in order. */
export class Recorder implements ByteReceiver {
  /** The bytes of each chunk in hex, `end`, and `closed` or `closed: CODE`. */
  readonly events: string[] = [];
  readonly chunks: Uint8Array<ArrayBuffer>[] = [];
  length = 0;
  error: unknown;
  #waiting: (() => void)[] = [];

  data(chunk: Uint8Array<ArrayBuffer>): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    this.#note(chunk.length > 64 ? `${chunk.length} bytes` : toHex(chunk));
  }

  end(): void {
    this.#note("end");
  }

  closed(error?: unknown): void {
    this.error = error;
    this.#note(error === undefined ? "closed" : `closed: ${codeOf(error)}`);
  }

  /** All bytes, joined. */
  get bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length);
    let offset = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, offset);
      offset += chunk.length;
    }
    return all;
  }

  /** Waits until something is so. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      const { promise, resolve } = deferred();
      this.#waiting.push(resolve);
      await withTimeout(promise, 5_000, what);
    }
  }

  untilEnd(): Promise<void> {
    return this.until("the end", () => this.events.includes("end"));
  }

  untilClosed(): Promise<void> {
    return this.until(
      "the close",
      () => this.events.some((event) => event.startsWith("closed")),
    );
  }

  untilLength(length: number): Promise<void> {
    return this.until(`${length} bytes`, () => this.length >= length);
  }

  #note(event: string): void {
    this.events.push(event);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Starts a stream with a recorder. */
export function record(stream: ByteStream): Recorder {
  const recorder = new Recorder();
  stream.start(recorder);
  return recorder;
}

/** Writes, and resolves with what `done` is called with. */
export function write(stream: ByteStream, chunk: Uint8Array): Promise<unknown> {
  const { promise, resolve } = deferred<unknown>();
  let returned = false;
  stream.write(chunk, (error) => {
    resolve(returned ? error : new Error("done before write returned"));
  });
  returned = true;
  return promise;
}

/** The next turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
