import { Chain, type Link } from "./chain.ts";
import type { End } from "./ending.ts";

/** What a {@linkcode WriteQueue} keeps. */
export interface Queued {
  /**
   * Its place in the queue, which only the queue sets; `undefined` outside of
   * one.
   */
  place?: Link<Entry | Turn> | undefined;
}

/** A message that is written in pieces, in its turn. */
export interface Turn extends Queued {
  /** Its turn has come. */
  begin(): void;
  /**
   * Its turn will not come, or ends early: nothing more of it may be sent, and
   * later writes fail with the error.
   */
  drop(error: unknown): void;
  /** The message is given up. */
  abort(reason: unknown): void;
  /** Whether a part of it has been sent. */
  readonly begun: boolean;
  /** Whether it waits for the transport. */
  readonly waiting: boolean;
  /** When it last wrote, by `performance.now()`. */
  readonly lastWrite: number;
}

/** A whole message on its way. */
export interface Entry extends Queued {
  readonly size: number;
  readonly start: () => Promise<void> | undefined;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

// What a queued message may cost in addition to its payload, in bytes.
const MESSAGE_COST = 256;
const MIN_QUEUE = 1024;

/** What waits to be sent: whole messages, and writers for their turn. */
export class WriteQueue {
  readonly #items: Chain<Entry | Turn> = new Chain();
  #bytes = 0;

  get length(): number {
    return this.#items.length;
  }

  /** Bytes of the whole messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether so many messages wait that their overhead alone reaches the limit.
   */
  exceedsCount(limit: number): boolean {
    return this.length >= MIN_QUEUE && this.length * MESSAGE_COST >= limit;
  }

  push(item: Entry | Turn): void {
    item.place = this.#items.push(item);
    if ("size" in item) this.#bytes += item.size;
  }

  shift(): Entry | Turn | undefined {
    const item = this.#items.first;
    if (item !== undefined) this.remove(item);
    return item;
  }

  /** Removes an item; returns whether it was there. */
  remove(item: Entry | Turn): boolean {
    if (item.place === undefined) return false;
    this.#items.remove(item.place);
    item.place = undefined;
    if ("size" in item) this.#bytes -= item.size;
    return true;
  }

  /** Drops the writers and, unless they are kept, the messages. */
  clear(end: End, keepsMessages: boolean = false): void {
    for (let rest = this.length; rest > 0; rest--) {
      const item = this.shift();
      if (item === undefined) return;
      if (!("size" in item)) item.drop(end.error);
      else if (keepsMessages) this.push(item);
      else item.reject(end.error);
    }
  }
}
