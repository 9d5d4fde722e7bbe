import type { Message } from "../message.ts";
import type { Inbound } from "./inbound.ts";
import { inNextTurn } from "./promises.ts";

/**
 * The iterator over a connection's messages. Leaving it leaves the connection
 * open, and the next read gets the message that a step waited for.
 */
export class MessageIterator
  implements AsyncIterableIterator<Message, undefined> {
  readonly #inbound: Inbound;
  #left = false;

  constructor(inbound: Inbound) {
    this.#inbound = inbound;
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    return this.#left ? this.return() : this.#inbound.nextResult(this);
  }

  return(): Promise<IteratorResult<Message, undefined>> {
    this.#left = true;
    this.#inbound.withdraw(this);
    return inNextTurn(() => ({ value: undefined, done: true }));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
