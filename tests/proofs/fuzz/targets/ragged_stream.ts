import type {
  ByteReceiver,
  ByteStream,
} from "../../../../src/transport/byte_stream.ts";
import type { Chunking } from "../chunks.ts";

/** A stream whose chunks are cut anew before they are received. */
export class RaggedStream implements ByteStream {
  readonly #stream: ByteStream;
  readonly #chunking: Chunking;

  constructor(stream: ByteStream, chunking: Chunking) {
    this.#stream = stream;
    this.#chunking = chunking;
  }

  start(receiver: ByteReceiver): void {
    this.#stream.start({
      data: (chunk) => {
        // What has been read may come although reading is paused.
        for (const part of this.#chunking.cut(chunk, true)) receiver.data(part);
      },
      end: () => receiver.end(),
      closed: (error) => receiver.closed(error),
    });
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    this.#stream.write(chunk, done);
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}
