import type { Core } from "./core.ts";
import { keepAlive, type KeepAliveTarget, type Watch } from "./keep_alive.ts";

/** A connection as keepalive sees it. */
class Watched implements KeepAliveTarget {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  get received(): number {
    return this.#core.transport.received;
  }

  get paused(): boolean {
    const { inbound, transport } = this.#core;
    return inbound.paused || !transport.capabilities.ping;
  }

  get unsent(): number {
    return this.#core.transport.bufferedAmount;
  }

  get taken(): number {
    return this.#core.transport.taken;
  }

  probe(): void {
    const { transport } = this.#core;
    // Where it has none, the runtime pings, and flush() looks for the outcome.
    if (transport.capabilities.ping) {
      this.#core.limit?.pinged();
      this.#core.probedAt = performance.now();
      this.#core.trySend(9, new Uint8Array(0), false);
    }
    transport.flush();
  }

  expire(): void {
    const { interval, timeout } = this.#core.settings.keepAlive!;
    this.#core.fail(
      new DOMException(
        `Cannot keep connection: the peer has ${
          this.paused ? "taken nothing" : "been silent"
        } for ${interval + timeout} ms`,
        "TimeoutError",
      ),
      1001,
    );
  }
}

/**
 * Watches a connection, by the `keepAlive` of its settings.
 *
 * @param core The connection
 * @returns The watch
 */
export function watchCore(core: Core): Watch {
  return keepAlive(new Watched(core), core.settings.keepAlive!);
}
