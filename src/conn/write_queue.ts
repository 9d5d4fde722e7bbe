import { Chain, type Link } from "./chain.ts";

/** What a {@linkcode WriteQueue} keeps. */
export interface Queued {
  /** Its place in the queue, which alone sets it; none if it is in no queue. */
  place?: Link<Entry | Turn> | undefined;
}

/** A message that is written in pieces, in its turn. */
export interface Turn extends Queued {
  /** Its turn has come. */
  begin(): void;
  /** Its turn will not come, or is over before its end: nothing more may be sent of it, later writes fail with the error. */
  drop(error: unknown): void;
  /** Its message is given up. */
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

// What a message in the queue may cost beside its payload.
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

  /** Whether so many messages wait that they cost more than their bytes tell. */
  crowds(limit: number): boolean {
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

  /** Takes an item out; whether it was there. */
  remove(item: Entry | Turn): boolean {
    if (item.place === undefined) return false;
    this.#items.remove(item.place);
    item.place = undefined;
    if ("size" in item) this.#bytes -= item.size;
    return true;
  }

  /** Takes the writers out, and leaves the messages in their order. */
  dropWriters(error: unknown): void {
    for (let rest = this.length; rest > 0; rest--) {
      const item = this.shift()!;
      if ("size" in item) this.push(item);
      else item.drop(error);
    }
  }

  /** Takes everything out. */
  clear(error: unknown): void {
    for (let item = this.shift(); item; item = this.shift()) {
      if ("size" in item) item.reject(error);
      else item.drop(error);
    }
  }
}
