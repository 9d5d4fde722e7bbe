import type { Message } from "../message.ts";
import { isExpectedEnd } from "./ending.ts";
import type { MessageReader } from "./message_reader.ts";
import { onAbort, rejected } from "./promises.ts";

/** What a read waits for: a message, its reader, or a step of an iteration. */
export type Want = "message" | "reader" | "result";

/** A message in the form that is wanted. */
export function asWanted(want: Want, message: Message): unknown {
  return want === "result" ? { value: message, done: false } : message;
}

/** The end in the form that is wanted: an iteration is done where the peer said good-bye. */
// deno-lint-ignore no-explicit-any -- the value's type follows from `want`
export function endAsWanted(want: Want, error: Error): Promise<any> {
  return want === "result" && isExpectedEnd(error)
    ? Promise.resolve({ value: undefined, done: true })
    : rejected(error);
}

/** What a read that waits tells the reading side. */
export interface PendingReadOwner {
  /** It waits no more. */
  settled(): void;
  /** Its signal gives it up. */
  giveUp(reason: unknown): void;
}

/** A read that waits. One is made for most messages, so it has few closures. */
export class PendingRead {
  readonly want: Want;
  // deno-lint-ignore no-explicit-any -- its value's type follows from `want`
  readonly promise: Promise<any>;
  #resolve!: (value: unknown) => void;
  readonly #forget: (() => void) | undefined;
  readonly #owner: PendingReadOwner;

  constructor(
    want: Want,
    signal: AbortSignal | undefined,
    owner: PendingReadOwner,
  ) {
    this.want = want;
    this.#owner = owner;
    // It rejects by a promise that does: kept is one function only, as an idle
    // connection is to stay small.
    this.promise = new Promise((resolve) => this.#resolve = resolve);
    this.#forget = signal &&
      onAbort(signal, (reason) => owner.giveUp(reason));
  }

  /** Delivers a message, or its reader where that is wanted. */
  deliver(message: Message | MessageReader): void {
    this.#settle();
    this.#resolve(
      this.want === "reader"
        ? message
        : asWanted(this.want, message as Message),
    );
  }

  reject(reason: unknown): void {
    this.#settle();
    this.#resolve(rejected(reason));
  }

  end(error: Error): void {
    this.#settle();
    this.#resolve(endAsWanted(this.want, error));
  }

  #settle(): void {
    this.#forget?.();
    this.#owner.settled();
  }
}
