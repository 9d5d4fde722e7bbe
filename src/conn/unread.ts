import { ReadLimitError } from "../errors.ts";
import type { Message } from "../message.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { Queue } from "./queue.ts";

// What an unread message costs beside its payload.
const MESSAGE_COST = 64;
// Where the peer cannot be stopped, messages are bounded by number too.
const MAX_UNREAD = 1024;

/** What has come and has not been read. Only the last may be incomplete. */
export class Unread {
  readonly #queue: Queue<Message | IncomingMessage> = new Queue();
  #size = 0;

  /** How many messages there are. */
  get length(): number {
    return this.#queue.length;
  }

  /** Their bytes, a cost for each message included. */
  get size(): number {
    return this.#size;
  }

  peek(): Message | IncomingMessage | undefined {
    return this.#queue.peek();
  }

  push(message: Message | IncomingMessage): void {
    this.#queue.push(message);
    this.#size += cost(message);
  }

  shift(): Message | IncomingMessage | undefined {
    const message = this.#queue.shift();
    if (message !== undefined) this.#size -= cost(message);
    return message;
  }

  /** The last message has got so many bytes more. */
  grow(bytes: number): void {
    this.#size += bytes;
  }

  /** Drops the last message. */
  pop(): void {
    const message = this.#queue.pop();
    if (message !== undefined) this.#size -= cost(message);
  }

  /** The error of a peer that cannot be stopped, if there is too much. */
  excess(readLimit: number, transport: string): ReadLimitError | undefined {
    if (this.length <= MAX_UNREAD && this.#size <= readLimit) return undefined;
    return new ReadLimitError(
      readLimit,
      `Cannot buffer more than ${MAX_UNREAD} unread messages or ${readLimit} bytes: ` +
        `${transport} cannot stop its peer, read faster or use the wire engine`,
    );
  }
}

function cost(message: Message | IncomingMessage): number {
  return MESSAGE_COST +
    (message instanceof IncomingMessage ? message.size : message.data.length);
}
