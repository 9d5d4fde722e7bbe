// What has come, who waits for it, and when the peer is stopped are one state,
// hence past 300 lines.

import type { DataType, Message } from "../message.ts";
import type { Transport } from "../transport/transport.ts";
import {
  countMessage,
  isTurnOver,
  nextTurn,
  STREAM_COST,
} from "../base/turns.ts";
import { Deadline } from "./deadline.ts";
import type { End } from "./ending.ts";
import type { GatheredMessage } from "./gathered_message.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { IncomingReader, type MessageReader } from "./message_reader.ts";
import type { ConnSettings } from "./options.ts";
import {
  asWanted,
  endAsWanted,
  PendingRead,
  type PendingReadOwner,
  type Want,
} from "./pending_read.ts";
import { inNextTurn, rejected, type WaitOptions } from "./promises.ts";
import { ReadFlow } from "./read_flow.ts";
import { Unread } from "./unread.ts";

/** What the reading side asks of the connection. */
export interface InboundOwner {
  /** Fails the connection: the peer broke a bound. */
  fail(error: Error, code: number): void;
  /** The peer is stopped, or goes on; where somebody wants to know. */
  readonly stopped?: ((stopped: boolean) => void) | undefined;
}

/** What the reading side has to know. */
export type InboundSettings = Pick<
  ConnSettings,
  "readLimit" | "readBufferSize"
>;

/** A read of a stream. */
export interface StreamRead {
  /** Whether the stream has been left. */
  withdrawn: boolean;
}

type Result = IteratorResult<Message, undefined>;

/** The reading side of a connection. */
export class Inbound implements PendingReadOwner {
  readonly #transport: Transport;
  readonly #owner: InboundOwner;
  readonly #settings: InboundSettings;
  #deadline: Deadline | undefined; // once one has been set
  readonly #unread: Unread = new Unread();
  #waiting: PendingRead | undefined;
  #incoming: GatheredMessage | undefined; // in pieces, not complete
  #reading: IncomingMessage | undefined; // handed out by nextReader
  #hungry = false; // the reader of #reading waits for more
  readonly #flow: ReadFlow;
  #end: End | undefined; // why reading is over
  /** How many whole messages have come, for who keeps the order of control frames. */
  received = 0;

  constructor(
    transport: Transport,
    owner: InboundOwner,
    settings: InboundSettings,
  ) {
    this.#transport = transport;
    this.#owner = owner;
    this.#settings = settings;
    this.#flow = new ReadFlow(transport, owner.stopped);
  }

  /** Whether the peer is stopped because nobody reads. */
  get paused(): boolean {
    return this.#flow.paused;
  }

  /** How many whole messages nobody has read. */
  get unread(): number {
    const last = this.#incoming;
    const isQueued = last !== undefined && last !== this.#reading;
    return this.#unread.length - (isQueued ? 1 : 0);
  }

  hold(held: boolean): void {
    this.#flow.hold(held);
  }

  setDeadline(at: Date | null): void {
    this.#deadline ??= new Deadline("read", (error) => {
      this.giveUp(error);
      if (this.#hungry) this.#reading?.notify?.(error);
    });
    this.#deadline.set(at);
    this.#deadline.wait(this.#waiting !== undefined || this.#hungry);
  }

  // Reading

  readMessage(options?: WaitOptions): Promise<Message> {
    // The fast path of most reads: a whole message has come.
    if (options === undefined && !this.#deadline?.isSet) {
      const message = this.#take();
      if (message !== undefined) return Promise.resolve(message);
    }
    return this.#read("message", options);
  }

  nextReader(options?: WaitOptions): Promise<MessageReader> {
    return this.#read("reader", options);
  }

  /** A step of an iterator; it is done when the peer closes normally. */
  nextResult(by: unknown): Promise<Result> {
    const message = this.#deadline?.isSet ? undefined : this.#take();
    return message === undefined
      ? this.#read("result", undefined, by)
      : Promise.resolve({ value: message, done: false });
  }

  /**
   * An iterator or a stream is left: its waiting read is done, and the message
   * that it waited for is left to the next read.
   */
  withdraw(by: unknown): void {
    if (this.#waiting?.by !== by) return;
    this.#waiting?.withdraw();
    this.#balance();
  }

  /**
   * Reads for a stream, which cannot try again: instead of failing, it waits
   * for its turn after a read that waits. `undefined` if it is withdrawn.
   */
  async readInLine(by: StreamRead): Promise<Message | undefined>;
  async readInLine(
    by: StreamRead,
    want: "reader",
  ): Promise<MessageReader | undefined>;
  async readInLine(
    by: StreamRead,
    want: Want = "message",
  ): Promise<Message | MessageReader | undefined> {
    while (this.#waiting !== undefined) await this.#waiting.settled;
    return by.withdrawn ? undefined : await this.#read(want, undefined, by);
  }

  /** A stream is left: its read, in line or not, is done. */
  withdrawInLine(by: StreamRead): void {
    by.withdrawn = true;
    this.withdraw(by);
  }

  /**
   * Takes a whole message, unless somebody waits, a message is half read, or it
   * is others' turn.
   */
  #take(): Message | undefined {
    if (
      this.#waiting !== undefined || this.#reading !== undefined || isTurnOver()
    ) return undefined;
    this.#flow.read();
    const message = this.#unread.shiftWhole();
    if (message === undefined) return undefined;
    countMessage(message.data.length);
    if (this.#flow.paused) this.#balance();
    return message;
  }

  // deno-lint-ignore no-explicit-any -- the value's type follows from `want`
  #read(want: Want, options?: WaitOptions, by?: unknown): Promise<any> {
    if (this.#waiting !== undefined) {
      return rejected(
        new DOMException(
          "Cannot read message: another read is waiting",
          "InvalidStateError",
        ),
      );
    }
    const signal = options?.signal;
    if (signal?.aborted) return rejected(signal.reason);
    if (this.#deadline?.expired) return rejected(this.#deadline.error());
    this.#flow.read();
    this.#abandon();
    const ready = this.#isReady(want);
    if (ready && !isTurnOver()) {
      const taken = want === "reader"
        ? this.#takeReader()
        : asWanted(want, this.#takeMessage());
      this.#balance();
      return Promise.resolve(taken);
    }
    const end = this.#end;
    if (end !== undefined && this.#unread.length === 0) {
      return inNextTurn(() => endAsWanted(want, end));
    }
    const waiting = this.#waiting = new PendingRead(want, signal, this, by);
    this.#deadline?.wait(true);
    if (ready) this.#deliverLater(waiting);
    this.#balance();
    // The reader is idle: what it has written should go out.
    this.#transport.flush();
    return waiting.promise;
  }

  /** Whether the first message can be delivered in this form. */
  #isReady(want: Want): boolean {
    const first = this.#unread.peek();
    return first !== undefined &&
      (want === "reader" || !(first instanceof IncomingMessage) || first.ended);
  }

  /** Whether a read waits for the peer, and not only for its turn. */
  get #isHungry(): boolean {
    return this.#hungry ||
      this.#waiting !== undefined && !this.#isReady(this.#waiting.want);
  }

  // This turn's budget is spent: others are served first.
  #deliverLater(waiting: PendingRead): void {
    nextTurn().then(() => {
      if (this.#waiting === waiting) this.#deliverFirst(waiting);
    });
  }

  #deliverFirst(waiting: PendingRead): void {
    waiting.deliver(
      waiting.want === "reader" ? this.#takeReader() : this.#takeMessage(),
    );
    // Only after the delivery: what resuming the peer brings must find that
    // nobody waits.
    this.#balance();
  }

  // PendingReadOwner

  settled(): void {
    this.#waiting = undefined;
    this.#deadline?.wait(false);
  }

  /** The waiting read is given up; its message is left to the next read. */
  giveUp(reason: unknown): void {
    this.#waiting?.reject(reason);
    this.#balance();
  }

  // Takes the first message, which is complete.
  #takeMessage(): Message {
    const first = this.#unread.shift()!;
    const message = first instanceof IncomingMessage ? first.take() : first;
    countMessage(message.data.length);
    return message;
  }

  // Takes the first message, to be read in pieces.
  #takeReader(): MessageReader {
    const first = this.#unread.shift()!;
    const incoming = first instanceof IncomingMessage
      ? first
      : IncomingMessage.whole(first);
    this.#reading = incoming;
    countMessage(STREAM_COST);
    return new IncomingReader(incoming, {
      taken: (hungry) => {
        if (this.#reading !== incoming) return;
        this.#hungry = hungry;
        this.#deadline?.wait(hungry);
        this.#balance();
        if (hungry) this.#transport.flush();
      },
    });
  }

  // The next read drops the rest of the message before it, as gorilla's
  // NextReader does.
  #abandon(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    this.#reading = undefined;
    this.#hungry = false;
    this.#deadline?.wait(false);
    if (!reading.ended || reading.size > 0) {
      reading.discard();
      reading.notify?.();
    }
  }

  // What the transport delivers

  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void {
    this.received++;
    if (this.#flow.drops) return;
    const message = { type, data } as Message;
    const waiting = this.#waiting;
    // A read that only waits for its turn gets an earlier message.
    const next = this.#unread.length === 0;
    // Bun runs what waited after each message of a chunk, thousands in a turn.
    const later = isTurnOver();
    if (
      next && !later && waiting !== undefined && waiting.want !== "reader"
    ) {
      countMessage(data.length);
      return waiting.deliver(message);
    }
    this.#unread.push(message);
    if (!next || waiting === undefined) this.#balance();
    else if (later) this.#deliverLater(waiting);
    else this.#deliverFirst(waiting);
  }

  messageStart(incoming: GatheredMessage): void {
    if (this.#flow.drops) return;
    this.#incoming = incoming;
    this.#unread.begin(incoming);
    const waiting = this.#waiting;
    if (waiting?.want === "reader" && this.#unread.peek() === incoming) {
      this.#deliverFirst(waiting);
    }
  }

  messageData(data: Uint8Array<ArrayBuffer>, freed: boolean): boolean {
    const incoming = this.#incoming;
    if (incoming === undefined || incoming.discarded) return true;
    const copied = incoming.append(data, freed && incoming === this.#reading);
    if (incoming !== this.#reading) this.#unread.grow(data.length);
    incoming.notify?.();
    this.#balance();
    return copied;
  }

  messageEnd(): void {
    const incoming = this.#incoming;
    this.received++;
    if (incoming === undefined) return;
    this.#incoming = undefined;
    incoming.ended = true;
    incoming.notify?.();
    const waiting = this.#waiting;
    if (waiting !== undefined && this.#unread.peek() === incoming) {
      this.#deliverFirst(waiting);
    }
  }

  /**
   * Reading is over: reads deliver what is buffered, then reject with the
   * error.
   */
  end(end: End): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    if (this.#incoming !== undefined) this.#cutIncoming(end.error);
    if (this.#unread.length === 0) this.#waiting?.end(end);
  }

  /**
   * The closing handshake has begun: the peer's close frame must get through.
   * Whoever keeps reading still gets every message before it.
   */
  close(): void {
    this.#flow.close();
    if (this.#waiting !== undefined || this.#hungry) this.#flow.read();
    this.#balance();
  }

  /** Nobody will read any more: all messages are dropped from now on. */
  closeRead(): void {
    const error = new DOMException(
      "Cannot read message: closeRead() has been called",
      "InvalidStateError",
    );
    this.#abandon();
    this.#cutIncoming(error);
    while (this.#unread.length > 0) this.#unread.shift();
    this.end({ error });
    this.#flow.drop();
  }

  // The message in pieces will never be complete. Only a reader that has begun
  // it sees that, and its error.
  #cutIncoming(error: Error): void {
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    this.#incoming = undefined;
    incoming.error = error;
    if (incoming !== this.#reading && !incoming.discarded) {
      this.#unread.pop();
    }
    incoming.notify?.();
  }

  // Stops the peer when too much is unread.
  #balance(): void {
    if (this.#end !== undefined) return;
    const full = !this.#isHungry &&
      this.#unread.size + (this.#reading?.size ?? 0) >=
        this.#settings.readBufferSize;
    if (this.#flow.balance(full)) {
      // Nobody reads it, and the peer's close frame comes after it.
      this.#cutIncoming(
        new DOMException(
          "Cannot read message: the connection is closing",
          "InvalidStateError",
        ),
      );
    }
    const { capabilities, description } = this.#transport;
    if (capabilities.readBackpressure || this.#isHungry) return;
    // The peer cannot be stopped: it is cut when too much is unread.
    const error = this.#unread.excess(this.#settings.readLimit, description);
    if (error !== undefined) this.#owner.fail(error, 1008);
  }
}
