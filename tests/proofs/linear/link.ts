import type { Conn } from "../../../src/conn/conn.ts";
import { type ConnOptions, connSettings } from "../../../src/conn/options.ts";
import { wireConn } from "../../../src/conn_over.ts";
import { codec } from "../../unit/deflate/links.ts";
import { HeldStream } from "../../unit/wire/held_stream.ts";

/** A server's connection over a stream that the test moves. */
export class Link {
  readonly stream: HeldStream = new HeldStream();
  readonly conn: Conn;

  constructor(options: ConnOptions & { readonly deflate?: boolean } = {}) {
    const settings = connSettings(options, "server");
    const deflate = options.deflate ? codec("server") : undefined;
    this.conn = wireConn(this.stream, "server", "", settings, deflate);
  }

  /** Delivers bytes in chunks of a size, each a buffer of its own. */
  deliver(bytes: Uint8Array<ArrayBuffer>, chunkSize: number): void {
    for (let start = 0; start < bytes.length; start += chunkSize) {
      this.stream.receiver!.data(bytes.slice(start, start + chunkSize));
    }
  }

  /** Takes what is written until nothing more is. */
  async drain(): Promise<void> {
    do {
      this.stream.releaseAll();
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.stream.busy);
  }

  end(): void {
    this.conn.terminate();
    this.stream.receiver!.closed();
  }
}
