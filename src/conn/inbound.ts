import type { DataType, Message } from "../message.ts";
import type { Transport } from "../transport/transport.ts";
import { Deadline } from "./deadline.ts";
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
import { rejected, type WaitOptions } from "./promises.ts";
import { ReadFlow } from "./read_flow.ts";
import { Unread } from "./unread.ts";

/** What the reading side asks of the connection. */
export interface InboundOwner {
  /** Fails the connection: the peer broke a bound. */
  fail(error: Error, code: number): void;
}

/** What the reading side has to know. */
export type InboundSettings = Pick<
  ConnSettings,
  "readLimit" | "readBufferSize"
>;

type Result = IteratorResult<Message, undefined>;

/** The reading side of a connection: what has come, who waits for it, and when the peer is stopped. */
export class Inbound implements PendingReadOwner {
  readonly #transport: Transport;
  readonly #owner: InboundOwner;
  readonly #settings: InboundSettings;
  #deadline: Deadline | undefined; // once one has been set
  readonly #unread: Unread = new Unread();
  #waiting: PendingRead | undefined;
  #incoming: IncomingMessage | undefined; // in pieces, not ended
  #reading: IncomingMessage | undefined; // handed out by nextReader
  #hungry = false; // its reader waits for more
  readonly #flow: ReadFlow;
  #error: Error | undefined;
  #dropping = false; // nobody reads, and the connection is closing

  constructor(
    transport: Transport,
    owner: InboundOwner,
    settings: InboundSettings,
  ) {
    this.#transport = transport;
    this.#owner = owner;
    this.#settings = settings;
    this.#flow = new ReadFlow(transport);
  }

  /** Whether the peer is stopped because nobody reads. */
  get paused(): boolean {
    return this.#flow.paused;
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
    // The way of most reads: a whole message is there.
    if (options === undefined && !this.#deadline?.isSet) {
      const message = this.#take();
      if (message !== undefined) return Promise.resolve(message);
    }
    return this.#read("message", options);
  }

  nextReader(options?: WaitOptions): Promise<MessageReader> {
    return this.#read("reader", options);
  }

  /** The async iterator's step: done on the ends that a peer announces. */
  nextResult(): Promise<Result> {
    const message = this.#deadline?.isSet ? undefined : this.#take();
    return message === undefined
      ? this.#read("result")
      : Promise.resolve({ value: message, done: false });
  }

  /** A whole message that is there now, when nobody waits and nothing is half read. */
  #take(): Message | undefined {
    if (this.#waiting !== undefined || this.#reading !== undefined) {
      return undefined;
    }
    this.#flow.read();
    const message = this.#unread.shiftWhole();
    if (message !== undefined && this.#flow.paused) this.#balance();
    return message;
  }

  // deno-lint-ignore no-explicit-any -- the value's type follows from `want`
  #read(want: Want, options?: WaitOptions): Promise<any> {
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
    const first = this.#unread.peek();
    const ready = want === "reader" ||
      !(first instanceof IncomingMessage) || first.ended;
    if (first !== undefined && ready) {
      return Promise.resolve(
        want === "reader"
          ? this.#takeReader()
          : asWanted(want, this.#takeMessage()),
      );
    }
    if (first === undefined && this.#error !== undefined) {
      return endAsWanted(want, this.#error);
    }
    const waiting = this.#waiting = new PendingRead(want, signal, this);
    this.#deadline?.wait(true);
    this.#balance();
    // The reader is idle: what it has written should go out.
    this.#transport.flush();
    return waiting.promise;
  }

  // PendingReadOwner

  settled(): void {
    this.#waiting = undefined;
    this.#deadline?.wait(false);
  }

  /** The read that waits is given up; what it waited for stays. */
  giveUp(reason: unknown): void {
    this.#waiting?.reject(reason);
    this.#balance();
  }

  // Takes the first message, which is there whole.
  #takeMessage(): Message {
    const first = this.#unread.shift()!;
    this.#balance();
    return first instanceof IncomingMessage ? first.take() : first;
  }

  // Takes the first message, to be read in pieces.
  #takeReader(): MessageReader {
    const first = this.#unread.shift()!;
    const incoming = first instanceof IncomingMessage
      ? first
      : IncomingMessage.whole(first);
    this.#reading = incoming;
    this.#balance();
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

  // The next read drops what is left of the message before (gorilla's
  // NextReader).
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

  // What the transport brings

  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#dropping) return;
    const message = { type, data } as Message;
    const waiting = this.#waiting;
    if (waiting !== undefined && waiting.want !== "reader") {
      return waiting.deliver(message);
    }
    this.#unread.push(message);
    if (waiting === undefined) this.#balance();
    else waiting.deliver(this.#takeReader());
  }

  messageStart(type: DataType): void {
    if (this.#dropping) return;
    const incoming = new IncomingMessage(type);
    this.#incoming = incoming;
    this.#unread.begin(incoming);
    const waiting = this.#waiting;
    if (waiting?.want === "reader") waiting.deliver(this.#takeReader());
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
    if (incoming === undefined) return;
    this.#incoming = undefined;
    incoming.ended = true;
    incoming.notify?.();
    const waiting = this.#waiting;
    if (waiting !== undefined && this.#unread.peek() === incoming) {
      waiting.deliver(this.#takeMessage());
    }
  }

  /** Reading is over: what is buffered is delivered, then every read rejects with the error. */
  end(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#cutIncoming(error);
    this.#waiting?.end(error);
  }

  /**
   * The closing handshake has begun: the peer's close frame must get through.
   * Who goes on reading gets all that stands before it.
   */
  close(): void {
    this.#flow.close();
    if (this.#waiting !== undefined || this.#hungry) this.#flow.read();
    this.#balance();
  }

  // The message in pieces will not end: only who reads it in pieces meets it,
  // and its error.
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

  // Keeps what is unread bounded.
  #balance(): void {
    if (this.#error !== undefined) return;
    const full = this.#waiting === undefined && !this.#hungry &&
      this.#unread.size + (this.#reading?.size ?? 0) >=
        this.#settings.readBufferSize;
    if (this.#flow.balance(full)) this.#drop();
    const { capabilities, description } = this.#transport;
    if (capabilities.readBackpressure || this.#waiting !== undefined) return;
    // The peer cannot be stopped: it is cut when too much is unread.
    const error = this.#unread.excess(this.#settings.readLimit, description);
    if (error !== undefined) this.#owner.fail(error, 1008);
  }

  // Nobody takes it, and the peer's close frame stands behind it.
  #drop(): void {
    if (this.#dropping) return;
    this.#dropping = true;
    this.#cutIncoming(
      new DOMException(
        "Cannot read message: the connection is closing",
        "InvalidStateError",
      ),
    );
  }
}
