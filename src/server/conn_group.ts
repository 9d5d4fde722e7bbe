/** The connections that end together: an Upgrader's, and a server's among them. */

import type { Conn } from "../conn/conn.ts";
import { giveTo } from "../conn/ownership.ts";
import type { ConnOwner } from "../conn/core.ts";
import { isInstance } from "../base/user_values.ts";
import { CloseSentError } from "../errors.ts";
import type { HandshakeError } from "../peer_errors.ts";
import { refusalOf } from "../handshake/refusal.ts";
import { type OnError, relay, reportError } from "./run_handler.ts";
import type { ShutdownOptions } from "./shutdown_options.ts";

/** Ends a wait for callbacks by a refusal. */
export type Refuse = (error: HandshakeError) => void;

/** The connections of an Upgrader, or those of them that are a server's. */
export class ConnGroup<Data> implements ConnOwner {
  /** The connections that are open, or not over yet. */
  readonly conns: Set<Conn<Data>> = new Set();
  readonly #parent: ConnGroup<Data> | undefined;
  readonly #waiting: Set<Refuse> = new Set();
  #switching = 0;
  #ending: Required<ShutdownOptions> | undefined;
  #fault = "";
  #deadline = Infinity;
  // Once it ends: settles when no 101 is on its way, or time is up.
  #settled: PromiseWithResolvers<void> | undefined;

  /**
   * Makes a group without connections.
   *
   * @param parent The group that has all of its connections, too
   */
  constructor(parent?: ConnGroup<Data>) {
    this.#parent = parent;
  }

  /** Whether its end has begun. */
  get isEnding(): boolean {
    return this.#ending !== undefined || this.#parent?.isEnding === true;
  }

  /** Somebody waits for an upgrade's callbacks; its end refuses that. */
  waits(refuse: Refuse): void {
    this.#waiting.add(refuse);
    this.#parent?.waits(refuse);
  }

  /** The wait is over. */
  waited(refuse: Refuse): void {
    this.#waiting.delete(refuse);
    this.#parent?.waited(refuse);
  }

  /** Why an upgrade is refused: its end has begun. */
  refusal(): HandshakeError | undefined {
    return this.#ending === undefined
      ? this.#parent?.refusal()
      : refusalOf(503, this.#fault);
  }

  /** A 101 is on its way; {@linkcode ConnGroup.switched} must follow. */
  switching(): void {
    this.#switching++;
    this.#parent?.switching();
  }

  /** The 101 has gone out or failed, and its connection has been taken. */
  switched(): void {
    if (--this.#switching === 0) this.#settled?.resolve();
    this.#parent?.switched();
  }

  /**
   * Makes what tells the user of errors, but for those that its end has brought
   * about: it overtook a write, which is no mistake of a handler.
   *
   * @param onError The user's callback; default: the console
   */
  reporter(onError: OnError | undefined): OnError {
    return relay((error, conn) => {
      if (this.isEnding && isInstance(error, CloseSentError)) return;
      reportError(error, conn, onError);
    });
  }

  /**
   * Takes a connection that has just been made; one that comes too late is
   * closed.
   *
   * @param conn The connection
   * @param data What `authorize` has handed over
   * @returns Whether it may be used
   */
  take(conn: Conn<Data>, data: unknown): boolean {
    this.conns.add(conn);
    this.#parent?.conns.add(conn);
    giveTo(conn, this, data);
    const late = this.#ending !== undefined
      ? this
      : this.#parent?.isEnding
      ? this.#parent
      : undefined;
    if (late !== undefined) late.#close(conn);
    return late === undefined;
  }

  /** A connection is over. */
  ended(conn: Conn<Data>): void {
    this.conns.delete(conn);
    this.#parent?.conns.delete(conn);
  }

  /**
   * Ends it, once: refuses the upgrades that wait for callbacks, closes the
   * connections, and cuts what is left when time is up.
   *
   * @param farewell Code, reason and time
   * @param fault Why upgrades are refused from now on
   * @returns Fulfils when none is left
   */
  async end(
    farewell: Required<ShutdownOptions>,
    fault: string,
  ): Promise<void> {
    const { timeout } = farewell;
    this.#fault = fault;
    this.#ending = farewell;
    this.#deadline = performance.now() + timeout;
    this.#settled = Promise.withResolvers();
    if (this.#switching === 0) this.#settled.resolve();
    const timer = setTimeout(() => {
      for (const conn of [...this.conns]) conn.terminate();
      this.#settled?.resolve();
    }, timeout);
    for (const refuse of [...this.#waiting]) refuse(refusalOf(503, fault));
    for (const conn of [...this.conns]) this.#close(conn);
    await this.#settled.promise;
    await Promise.all(Array.from(this.conns, (conn) => conn.closed));
    clearTimeout(timer);
  }

  #close(conn: Conn<Data>): void {
    const { code, reason } = this.#ending!;
    const timeout = this.#deadline - performance.now();
    if (timeout > 0) conn.close(code, reason, { timeout });
    else conn.terminate();
  }
}
