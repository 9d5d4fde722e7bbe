import { ReadLimitError } from "../errors.ts";
import type { Message } from "../message.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { Queue } from "./queue.ts";

// What an unread message costs beside its payload.
const MESSAGE_COST = 64;
// A message keeps all of the chunk that it is a part of, whatever else was in
// that: control frames, say. A part of the chunk's size is counted with the
// first of its messages.
const CHUNK_SHARE = 1 / 16;
// Up to this size messages have memory of their own, or share 4 KiB at the most.
const OWN_UP_TO = 256;
// Where the peer cannot be stopped, messages are bounded by number too.
const MAX_UNREAD = 1024;

/** A chunk, and how many unread messages are parts of it. */
interface Kept {
  readonly chunk: ArrayBuffer;
  readonly size: number;
  messages: number;
}

/** What has come and has not been read. Only the last may be incomplete. */
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

  /** Their bytes, and what they cost beside. */
  get size(): number {
    return this.#size + this.#keptSize * CHUNK_SHARE;
  }

  peek(): Message | IncomingMessage | undefined {
    return this.#queue.peek();
  }

  /** Puts a whole message behind the others. */
  push(message: Message): void {
    const { length } = message.data;
    this.#queue.push(message);
    this.#size += MESSAGE_COST + length;
    if (length > OWN_UP_TO) this.#keep(message);
  }

  /** Puts a message in pieces behind the others. */
  begin(message: IncomingMessage): void {
    this.#queue.push(message);
    this.#size += MESSAGE_COST + message.size;
  }

  /** Takes the first message, if it is whole and not in pieces. */
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

  /** The last message has got so many bytes more. */
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

  /** The error of a peer that cannot be stopped, if there is too much. */
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

  // Of the first message that is a part of one.
  #letGo({ data }: Message): void {
    if (typeof data === "string") return;
    const first = this.#kept?.peek();
    if (first === undefined || --first.messages > 0) return;
    this.#kept?.shift();
    this.#keptSize -= first.size;
    if (first === this.#lastKept) this.#lastKept = undefined;
  }
}
