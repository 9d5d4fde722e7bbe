import type {
  ByteReceiver,
  ByteStream,
  OwnStream,
} from "../../../src/transport/byte_stream.ts";

/** A stream whose writes end when the test says so, and that reads what it is told. */
export class HeldStream implements ByteStream {
  /** What was handed over, as it was then. */
  readonly writes: Uint8Array<ArrayBuffer>[] = [];
  /** What was handed over, itself. */
  readonly chunks: Uint8Array[] = [];
  readonly calls: string[] = [];
  /** Takes chunks back, where the test says so. */
  free: OwnStream["free"];
  receiver: ByteReceiver | undefined;
  #done: ((error?: unknown) => void) | undefined;

  /** Whether a write is under way. */
  get busy(): boolean {
    return this.#done !== undefined;
  }

  start(receiver: ByteReceiver): void {
    this.receiver = receiver;
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    if (this.#done !== undefined) throw new Error("Two writes are under way");
    this.chunks.push(chunk);
    this.writes.push(new Uint8Array(chunk));
    this.#done = done;
  }

  /** Ends the write that is under way. */
  release(error?: unknown): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(error);
  }

  /** Ends all writes, one after the other. */
  releaseAll(): void {
    while (this.busy) this.release();
  }

  /** All bytes that were written. */
  written(): Uint8Array<ArrayBuffer> {
    const length = this.writes.reduce((sum, { length }) => sum + length, 0);
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const write of this.writes) {
      bytes.set(write, offset);
      offset += write.length;
    }
    return bytes;
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  end(): void {
    this.calls.push("end");
  }

  destroy(): void {
    this.calls.push("destroy");
  }
}

/** A turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
