import { EventEmitter } from "node:events";

import type { Conn } from "../conn/conn.ts";
import type { Addr } from "../transport/transport.ts";

/**
 * What can be seen of a connection's socket: its addresses, how much is unsent, and
 * its end. Nothing can be done with it.
 */
export class SocketView extends EventEmitter {
  readonly #conn: Conn;
  #isFinished = false;

  /**
   * Shows the socket of a connection.
   *
   * @param conn The connection
   */
  constructor(conn: Conn) {
    super();
    this.#conn = conn;
    conn.closed.then(() => {
      this.#isFinished = true;
      this.emit("finish");
      this.emit("close");
    });
  }

  /** The peer's IP address. */
  get remoteAddress(): string | undefined {
    return ipOf(this.#conn.remoteAddr);
  }

  /** The peer's port. */
  get remotePort(): number | undefined {
    return portOf(this.#conn.remoteAddr);
  }

  /** This side's IP address. */
  get localAddress(): string | undefined {
    return ipOf(this.#conn.localAddr);
  }

  /** This side's port. */
  get localPort(): number | undefined {
    return portOf(this.#conn.localAddr);
  }

  /** What node's streams keep of their writing side. */
  get _writableState(): {
    readonly finished: boolean;
    readonly length: number;
  } {
    return { finished: this.#isFinished, length: this.#conn.bufferedAmount };
  }
}

function ipOf(addr: Addr | undefined): string | undefined {
  return addr?.transport === "tcp" ? addr.hostname : undefined;
}

function portOf(addr: Addr | undefined): number | undefined {
  return addr?.transport === "tcp" ? addr.port : undefined;
}
