import { Duplex } from "node:stream";

import type { ByteStream } from "../../transport/byte_stream.ts";
import { toError } from "../../base/user_values.ts";

/** A byte stream as a node duplex, so that TLS can be spoken over it. */
export class StreamDuplex extends Duplex {
  readonly #stream: ByteStream;
  #ended = false;

  /**
   * Takes over a stream and starts it.
   *
   * @param stream The stream
   */
  constructor(stream: ByteStream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    stream.start({
      data: (chunk) => {
        if (!this.destroyed && !this.push(chunk)) stream.pause();
      },
      end: () => this.#end(),
      closed: (error) => {
        // What has been received can still be read.
        if (error === undefined) this.#end();
        else this.destroy(toError(error, "Cannot read: the stream failed"));
      },
    });
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    this.#stream.write(chunk, (error) => {
      if (error === undefined) callback();
      else callback(toError(error, "Cannot write: the stream failed"));
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#stream.end();
    callback();
  }

  override _destroy(
    error: Error | null,
    callback: (error?: Error | null) => void,
  ): void {
    this.#stream.destroy();
    callback(error);
  }

  #end(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }
}
