import type { Message } from "../message.ts";
import type { Inbound } from "./inbound.ts";

/** The iterator of a connection's messages; leaving it leaves the connection open. */
export class MessageIterator
  implements AsyncIterableIterator<Message, undefined> {
  readonly #inbound: Inbound;

  constructor(inbound: Inbound) {
    this.#inbound = inbound;
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    return this.#inbound.nextResult();
  }

  return(): Promise<IteratorResult<Message, undefined>> {
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
