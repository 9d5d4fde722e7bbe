import { ReadLimitError } from "../errors.ts";
import type { Message } from "../message.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { Queue } from "./queue.ts";

// What an unread message costs in addition to its payload, in bytes.
const MESSAGE_COST = 64;
// A message keeps the whole chunk that it is a part of in memory, whatever else
// was in that, such as control frames. A share of the chunk's size is counted
// for its first message.
const CHUNK_SHARE = 1 / 16;
// Messages of up to this many bytes have their own memory, or share at most 4
// KiB.
const OWN_UP_TO = 256;
// Where the peer cannot be stopped, the number of messages is bounded, too.
const MAX_UNREAD = 1024;

/** A chunk, and how many unread messages are parts of it. */
interface Kept {
  readonly chunk: ArrayBuffer;
  readonly size: number;
  messages: number;
}

/**
 * Messages that have come and have not been read. Only the last may be
 * incomplete.
 */
export class Unread {
  readonly #queue: Queue<Message | IncomingMessage> = new Queue();
  #size = 0;
  #kept: Queue<Kept> | undefined; // once there was one
  #lastKept: Kept | undefined;
  #keptSize = 0;

  /** How many messages there are. */
  get length(): number {
    return this.#queue.length;
  }

  /** Their bytes, and what they cost in addition. */
  get size(): number {
    return this.#size + this.#keptSize * CHUNK_SHARE;
  }

  peek(): Message | IncomingMessage | undefined {
    return this.#queue.peek();
  }

  /** Adds a whole message at the end. */
  push(message: Message): void {
    const { length } = message.data;
    this.#queue.push(message);
    this.#size += MESSAGE_COST + length;
    if (length > OWN_UP_TO) this.#keep(message);
  }

  /** Adds a message in pieces at the end. */
  begin(message: IncomingMessage): void {
    this.#queue.push(message);
    this.#size += MESSAGE_COST + message.size;
  }

  /** Takes the first message, unless it came in pieces. */
  shiftWhole(): Message | undefined {
    const message = this.#queue.peek();
    if (message === undefined || message instanceof IncomingMessage) {
      return undefined;
    }
    this.#queue.shift();
    const { length } = message.data;
    this.#size -= MESSAGE_COST + length;
    if (length > OWN_UP_TO) this.#letGo(message);
    return message;
  }

  /** Takes the first message. */
  shift(): Message | IncomingMessage | undefined {
    const whole = this.shiftWhole();
    if (whole !== undefined) return whole;
    const message = this.#queue.shift();
    if (message instanceof IncomingMessage) {
      this.#size -= MESSAGE_COST + message.size;
    }
    return message;
  }

  /** The last message has grown by so many bytes. */
  grow(bytes: number): void {
    this.#size += bytes;
  }

  /** Drops the last message, which is in pieces. */
  pop(): void {
    const message = this.#queue.pop();
    if (message instanceof IncomingMessage) {
      this.#size -= MESSAGE_COST + message.size;
    }
  }

  /** The error if too much is unread of a peer that cannot be stopped. */
  excess(readLimit: number, transport: string): ReadLimitError | undefined {
    if (this.length <= MAX_UNREAD && this.#size <= readLimit) return undefined;
    return new ReadLimitError(
      readLimit,
      `Cannot buffer more than ${MAX_UNREAD} unread messages or ${readLimit} bytes: ` +
        `${transport} cannot stop its peer, read faster or use the wire engine`,
    );
  }

  #keep({ data }: Message): void {
    if (typeof data === "string") return;
    const chunk = data.buffer;
    if (this.#lastKept?.chunk === chunk) {
      this.#lastKept.messages++;
      return;
    }
    const size = chunk.byteLength;
    this.#lastKept = { chunk, size, messages: 1 };
    this.#kept ??= new Queue();
    this.#kept.push(this.#lastKept);
    this.#keptSize += size;
  }

  // Chunks are let go in order: messages are read in order, too.
  #letGo({ data }: Message): void {
    if (typeof data === "string") return;
    const first = this.#kept?.peek();
    if (first === undefined || --first.messages > 0) return;
    this.#kept?.shift();
    this.#keptSize -= first.size;
    if (first === this.#lastKept) this.#lastKept = undefined;
  }
}
