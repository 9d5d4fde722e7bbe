import { CloseError, type CloseInfo } from "../close.ts";
import type { TransportEnd } from "../transport/transport.ts";

/** Where a connection stands. */
export type ConnState = "open" | "closing" | "closed";

/** How a connection ends: who began it, what the peer said, and the bound on the time it may take. */
export class Ending {
  #state: ConnState = "open";
  #initiator: CloseInfo["initiator"] | undefined;
  #peer: { readonly code: number; readonly reason: string } | undefined;
  #cause: unknown;
  #failed = false;
  #closeSent = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #info: CloseInfo | undefined;
  #closed: PromiseWithResolvers<CloseInfo> | undefined; // once asked for

  get state(): ConnState {
    return this.#state;
  }

  get closed(): Promise<CloseInfo> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      if (this.#info !== undefined) this.#closed.resolve(this.#info);
    }
    return this.#closed.promise;
  }

  /** Whether this side's close frame has been sent, or is next to go out. */
  get closeSent(): boolean {
    return this.#closeSent;
  }

  /** What the peer's close frame said. */
  get peer(): { readonly code: number; readonly reason: string } | undefined {
    return this.#peer;
  }

  /** The end has begun; the first to say so is its initiator. */
  begin(initiator: CloseInfo["initiator"]): void {
    if (this.#state === "open") this.#state = "closing";
    this.#initiator ??= initiator;
  }

  /** This side's close frame is on its way. */
  sent(): void {
    this.#closeSent = true;
  }

  /** The peer's close frame has come. */
  received(code: number, reason: string): void {
    this.#peer ??= { code, reason };
  }

  /** The connection has failed on this side: no closing handshake makes it clean. Only the first failure counts. */
  fail(cause: unknown): boolean {
    if (this.#failed || this.#state === "closed") return false;
    this.#failed = true;
    this.#cause = cause;
    return true;
  }

  /** Names what is behind the end, where nothing else does. */
  blame(cause: unknown): void {
    this.#cause ??= cause;
  }

  /** Calls `expire` unless the connection has ended by then; the first call counts. */
  bound(timeout: number, expire: () => void): void {
    if (this.#state === "closed") return;
    this.#timer ??= setTimeout(expire, timeout);
  }

  /** The connection is over. */
  end(end: TransportEnd): CloseInfo {
    clearTimeout(this.#timer);
    this.#state = "closed";
    const said = this.#failed ? undefined : this.#peer;
    const cause = this.#cause ?? end.cause;
    const info: CloseInfo = {
      code: said?.code ?? (this.#failed ? 1006 : end.code ?? 1006),
      reason: said?.reason ?? (this.#failed ? "" : end.reason ?? ""),
      wasClean: said !== undefined && this.#closeSent,
      initiator: this.#initiator ?? "network",
      ...(cause === undefined ? {} : { cause }),
    };
    this.#info = info;
    this.#closed?.resolve(info);
    return info;
  }
}

/** The error of an end, for those who read. */
export function closeErrorOf(info: CloseInfo): CloseError {
  return new CloseError(info.code, info.reason, { cause: info.cause });
}

/** Whether an iteration ends here without an error: the peer said good-bye. */
export function isExpectedEnd(error: Error): boolean {
  return error instanceof CloseError &&
    (error.code === 1000 || error.code === 1001 || error.code === 1005);
}
