import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { cut } from "../quirks/tls_flow.ts";

/**
 * A connection while it speaks HTTP: the answers that are due, and a timeout
 * wherever it is the peer's turn. Node's own timeouts leave gaps: none covers
 * an answer that the peer does not take, and Deno's cover neither a body nor
 * empty lines that trickle in after an answer.
 */
export class HttpConn {
  readonly #socket: Duplex;
  readonly #timeout: number;
  // In the order of their requests, which is also that of sending.
  readonly #answers: Set<ServerResponse> = new Set();
  readonly #untaken: Set<ServerResponse> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #left = false;

  /**
   * Sets no timeout yet: node limits the time for the first head.
   *
   * @param socket The connection
   * @param timeout Milliseconds for the peer to take a part of an answer; twice
   * as many for its next request
   */
  constructor(socket: Duplex, timeout: number) {
    this.#socket = socket;
    this.#timeout = timeout;
  }

  /** How many answers are due. */
  get due(): number {
    return this.#answers.size;
  }

  /** A request has come: an answer is due. */
  asked(target: ServerResponse): void {
    if (this.#answers.size === 0) this.#stop();
    this.#answers.add(target);
  }

  /** A part of an answer waits for the peer to take it. */
  offered(target: ServerResponse): void {
    if (!this.#answers.has(target)) return;
    this.#untaken.add(target);
    this.#watch();
  }

  /** The peer has taken the part. */
  taken(target: ServerResponse): void {
    if (this.#untaken.delete(target) && this.#isNext(target)) this.#stop();
  }

  /** An answer is over; after the last one due, the next request is awaited. */
  answered(target: ServerResponse): void {
    if (this.#isNext(target)) this.#stop();
    this.#untaken.delete(target);
    this.#answers.delete(target);
    this.#watch();
  }

  /**
   * The connection no longer speaks HTTP.
   *
   * @returns The answers that were due
   */
  leave(): Iterable<ServerResponse> {
    this.#left = true;
    this.#stop();
    return [...this.#answers];
  }

  #isNext(target: ServerResponse): boolean {
    const [first] = this.#answers;
    return first === target;
  }

  // Only the first answer is timed: the others wait for it.
  #watch(): void {
    const [first] = this.#answers;
    if (this.#left || first !== undefined && !this.#untaken.has(first)) return;
    // Twice as long, so that node's own timeout comes first, with a 408.
    const time = first === undefined ? 2 * this.#timeout : this.#timeout;
    this.#timer ??= setTimeout(() => cut(this.#socket), time);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
