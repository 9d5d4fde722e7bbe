import { CloseError, type CloseInfo, isCloseError } from "../close.ts";
import { CloseSentError } from "../errors.ts";
import type { TransportEnd } from "../transport/transport.ts";
import { isInstance } from "../base/user_values.ts";
import { after, mayClose, mayFail, type State } from "./state.ts";

type Said = Pick<CloseInfo, "code" | "reason" | "cause">;

/** Where a connection stands. */
export type ConnState = "open" | "closing" | "closed";

/**
 * How a connection ends: its state, who began the end, what the peer's close
 * frame said, and how long it may take.
 */
export class Ending {
  #state: State = "open";
  #initiator: CloseInfo["initiator"] | undefined;
  #peer: { readonly code: number; readonly reason: string } | undefined;
  #cause: unknown;
  #gone: unknown; // what writes reject with until the end is reported
  #watch: ReturnType<typeof setTimeout> | undefined;
  #bound: ReturnType<typeof setTimeout> | undefined;
  #info: CloseInfo | undefined;
  #closed: PromiseWithResolvers<CloseInfo> | undefined; // once asked for

  get state(): ConnState {
    return this.#state === "open" || this.#state === "closed"
      ? this.#state
      : "closing";
  }

  get closed(): Promise<CloseInfo> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      if (this.#info !== undefined) this.#closed.resolve(this.#info);
    }
    return this.#closed.promise;
  }

  /** Whether this side may still send a close frame of its own choice. */
  get mayClose(): boolean {
    return mayClose(this.#state);
  }

  /** Whether both close frames have been sent. */
  get isShaken(): boolean {
    return this.#state === "shaken";
  }

  /** What the peer's close frame said. */
  get peer(): { readonly code: number; readonly reason: string } | undefined {
    return this.#peer;
  }

  /** This side ends the connection: it sends no other close frame. */
  begin(how: "close" | "cut"): void {
    this.#state = after(this.#state, how);
    this.#initiator ??= "local";
  }

  /** This side's close frame is on its way. */
  sent(): void {
    this.#state = after(this.#state, "sent");
  }

  /** The peer's close frame has come. */
  received(code: number, reason: string): void {
    this.#state = after(this.#state, "received");
    this.#initiator ??= "remote";
    this.#peer ??= { code, reason };
  }

  /**
   * The connection has failed on this side; a closing handshake no longer makes
   * the end clean. Only the first failure counts.
   */
  fail(cause: unknown): boolean {
    if (!mayFail(this.#state)) return false;
    this.#state = after(this.#state, "fail");
    this.#initiator ??= "local";
    this.#cause = cause;
    return true;
  }

  /** Sets the cause of the end, if there is none yet. */
  blame(cause: unknown): void {
    this.#cause ??= cause;
  }

  /** Whether there is a limit to the time that the end may take. */
  get isTimed(): boolean {
    return this.#watch !== undefined || this.#bound !== undefined;
  }

  /**
   * Calls `expire` after the timeout unless the connection has ended by then.
   * Only the first call counts.
   */
  bound(timeout: number, expire: () => void): void {
    if (this.#state === "closed" || this.#bound !== undefined) return;
    clearTimeout(this.#watch);
    this.#bound = setTimeout(expire, timeout);
  }

  /**
   * Calls `expire` once a period passes without progress, until
   * {@linkcode Ending.bound} sets a limit.
   */
  watch(period: number, progress: () => boolean, expire: () => void): void {
    if (this.#state === "closed" || this.#bound !== undefined) return;
    this.#watch = setTimeout(() => {
      if (progress()) this.watch(period, progress, expire);
      else expire();
    }, period);
  }

  /**
   * Nothing can be sent any more, and the end has not been reported yet.
   * Returns what writes reject with until then.
   */
  gone(error: unknown): unknown {
    return this.#gone ??= error;
  }

  /**
   * Whether an error that user code threw only says that the peer closed the
   * connection, or has gone.
   */
  isEnd(error: unknown): boolean {
    if (error !== undefined && error === this.#gone) return true;
    const peer = this.#peer;
    if (peer === undefined) return false;
    // The peer's close frame overtook a write.
    if (isInstance(error, CloseSentError)) return this.#initiator === "remote";
    return isInstance(error, CloseError) && error.code === peer.code &&
      error.reason === peer.reason;
  }

  /** The connection is over. */
  end(end: TransportEnd): CloseInfo {
    clearTimeout(this.#watch);
    clearTimeout(this.#bound);
    const failed = this.#state === "failed";
    const said = failed ? undefined : this.#peer ?? end;
    const cause = this.#cause ?? end.cause;
    const info: CloseInfo = {
      code: said?.code ?? 1006,
      reason: said?.reason ?? "",
      wasClean: this.isShaken,
      initiator: this.#initiator ?? "network",
      ...(cause === undefined ? {} : { cause }),
    };
    this.#state = after(this.#state, "over");
    this.#info = info;
    this.#closed?.resolve(info);
    return info;
  }
}

/** Why a side of a connection is over. */
export interface End {
  readonly error: Error;
  /** Whether an iteration ends without the error. */
  readonly isExpected?: boolean;
}

/**
 * An end whose error is made for whoever gets it. With their stack traces, four
 * for each connection that ended well took 15 % of its CPU time on Deno, 5 % on
 * Bun.
 */
export function lateEnd(make: () => Error, isExpected: boolean = false): End {
  let error: Error | undefined;
  return {
    get error() {
      return error ??= make();
    },
    isExpected,
  };
}

/** The end that a close frame is, or the lack of one. */
export function endOf({ code, reason, cause }: Said): End {
  return lateEnd(
    () => new CloseError(code, reason, { cause }),
    EXPECTED.includes(code),
  );
}

// The peer closed normally.
const EXPECTED: readonly number[] = [1000, 1001, 1005];

/** Whether an iteration ends without an error: the peer closed normally. */
export function isExpectedEnd(error: unknown): boolean {
  return isCloseError(error, ...EXPECTED);
}
