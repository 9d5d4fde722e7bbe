import { CloseError } from "../close.ts";
import { ReadLimitError } from "../errors.ts";
import type { DataType, Message } from "../message.ts";
import type { Transport } from "../transport/transport.ts";
import { Deadline } from "./deadline.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { IncomingReader, type MessageReader } from "./message_reader.ts";
import { handled, onAbort, rejected, type WaitOptions } from "./promises.ts";
import { Queue } from "./queue.ts";

// What an unread message costs beside its payload.
const MESSAGE_COST = 64;
// Where the peer cannot be stopped, unread messages are bounded by number too.
const MAX_UNREAD = 1024;

/** What the reading side asks of the connection. */
export interface InboundOwner {
  /** Fails the connection: the peer broke a bound. */
  fail(error: Error, code: number): void;
}

/** What the reading side has to know. */
export interface InboundSettings {
  readonly readLimit: number;
  readonly readBufferSize: number;
}

type Result = IteratorResult<Message, undefined>;

// A read that waits, by what it waits for.
interface Waiting {
  readonly want: "message" | "reader" | "result";
  // deno-lint-ignore no-explicit-any -- its value's type follows from `want`
  readonly resolve: (value: any) => void;
  readonly reject: (reason: unknown) => void;
  readonly forget: () => void;
}

/** The reading side of a connection: what has come, who waits for it, and when the peer is stopped. */
export class Inbound {
  readonly #transport: Transport;
  readonly #owner: InboundOwner;
  readonly #settings: InboundSettings;
  readonly #deadline: Deadline = new Deadline(
    "read",
    (error) => {
      this.#waiting?.reject(error);
      if (this.#hungry) this.#reading?.notify?.(error);
    },
  );
  readonly #queue: Queue<Message | IncomingMessage> = new Queue();
  #unread = 0; // bytes in the queue, a cost per message included
  #waiting: Waiting | undefined;
  #incoming: IncomingMessage | undefined; // in pieces, not ended
  #reading: IncomingMessage | undefined; // handed out by nextReader
  #hungry = false; // its reader waits for more
  #error: Error | undefined;
  #paused = false;
  #closing = false;
  #dropping = false;

  constructor(
    transport: Transport,
    owner: InboundOwner,
    settings: InboundSettings,
  ) {
    this.#transport = transport;
    this.#owner = owner;
    this.#settings = settings;
  }

  /** Whether the peer is stopped because nobody reads. */
  get paused(): boolean {
    return this.#paused;
  }

  setDeadline(at: Date | null): void {
    this.#deadline.set(at);
  }

  // Reading

  readMessage(options?: WaitOptions): Promise<Message> {
    // The way of most reads: a whole message is there.
    if (options === undefined && !this.#deadline.isSet) {
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
    if (!this.#deadline.isSet) {
      const message = this.#take();
      if (message !== undefined) {
        return Promise.resolve({ value: message, done: false });
      }
    }
    return this.#read("result", undefined);
  }

  /** A whole message that is there now, when nobody waits and nothing is half read. */
  #take(): Message | undefined {
    if (this.#waiting !== undefined || this.#reading !== undefined) {
      return undefined;
    }
    const first = this.#queue.peek();
    if (first === undefined || first instanceof IncomingMessage) {
      return undefined;
    }
    this.#queue.shift();
    this.#unread -= cost(first);
    if (this.#paused) this.#balance();
    return first;
  }

  // deno-lint-ignore no-explicit-any -- the value's type follows from `want`
  #read(want: Waiting["want"], options?: WaitOptions): Promise<any> {
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
    if (this.#deadline.expired) return rejected(this.#deadline.error());
    this.#abandon();
    const first = this.#queue.peek();
    if (first !== undefined && this.#ready(first, want)) {
      return Promise.resolve(this.#deliver(first, want));
    }
    if (first === undefined && this.#error !== undefined) {
      return endOf(this.#error, want);
    }
    const promise = new Promise((resolve, reject) => {
      const settle = () => {
        this.#waiting = undefined;
        forget();
        this.#deadline.wait(false);
      };
      const forget = onAbort(signal, (reason) => this.#waiting?.reject(reason));
      this.#waiting = {
        want,
        forget,
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (reason) => {
          settle();
          reject(reason);
          this.#balance();
        },
      };
    });
    this.#deadline.wait(true);
    this.#balance();
    // The reader is idle: what it has written should go out.
    this.#transport.flush();
    return promise;
  }

  #ready(first: Message | IncomingMessage, want: Waiting["want"]): boolean {
    return !(first instanceof IncomingMessage) || first.ended ||
      want === "reader";
  }

  // Takes the first of the queue in the form that is wanted.
  #deliver(first: Message | IncomingMessage, want: Waiting["want"]): unknown {
    this.#queue.shift();
    this.#unread -= cost(first);
    if (want === "reader") {
      const incoming = first instanceof IncomingMessage
        ? first
        : IncomingMessage.whole(first);
      this.#reading = incoming;
      this.#balance();
      return new IncomingReader(incoming, {
        taken: (hungry) => {
          if (this.#reading !== incoming) return;
          this.#hungry = hungry;
          this.#deadline.wait(hungry);
          this.#balance();
          if (hungry) this.#transport.flush();
        },
      });
    }
    const message = first instanceof IncomingMessage ? first.take() : first;
    this.#balance();
    return want === "result" ? { value: message, done: false } : message;
  }

  // The next read drops what is left of the message before (gorilla's
  // NextReader).
  #abandon(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    this.#reading = undefined;
    this.#hungry = false;
    this.#deadline.wait(false);
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
    if (waiting === undefined) {
      this.#enqueue(message);
      this.#balance();
    } else if (waiting.want === "message") {
      waiting.resolve(message);
    } else if (waiting.want === "result") {
      waiting.resolve({ value: message, done: false });
    } else {
      this.#enqueue(message);
      waiting.resolve(this.#deliver(message, "reader"));
    }
  }

  messageStart(type: DataType): void {
    if (this.#dropping) return;
    const incoming = new IncomingMessage(type);
    this.#incoming = incoming;
    this.#enqueue(incoming);
    if (this.#waiting?.want === "reader") {
      this.#waiting.resolve(this.#deliver(incoming, "reader"));
    }
  }

  messageData(data: Uint8Array<ArrayBuffer>): void {
    const incoming = this.#incoming;
    if (incoming === undefined || incoming.discarded) return;
    incoming.append(data);
    if (incoming !== this.#reading) this.#unread += data.length;
    incoming.notify?.();
    this.#balance();
  }

  messageEnd(): void {
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    this.#incoming = undefined;
    incoming.ended = true;
    incoming.notify?.();
    const waiting = this.#waiting;
    if (waiting !== undefined && this.#queue.peek() === incoming) {
      waiting.resolve(this.#deliver(incoming, waiting.want));
    }
  }

  /** Reading is over: what is buffered is delivered, then every read rejects with the error. */
  end(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#cutIncoming(error);
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (waiting.want === "result" && isExpectedEnd(error)) {
      waiting.resolve({ value: undefined, done: true });
    } else {
      waiting.reject(error);
    }
  }

  /** The closing handshake has begun: the peer's close frame must get through. */
  close(): void {
    this.#closing = true;
    this.#balance();
  }

  #enqueue(item: Message | IncomingMessage): void {
    this.#queue.push(item);
    this.#unread += cost(item);
  }

  // The message in pieces will not end: only who reads it in pieces meets it,
  // and its error.
  #cutIncoming(error: Error): void {
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    this.#incoming = undefined;
    incoming.error = error;
    if (incoming !== this.#reading && !incoming.discarded) {
      this.#queue.pop();
      this.#unread -= cost(incoming);
    }
    incoming.notify?.();
  }

  // Stops and starts the peer, so that what is unread stays bounded.
  #balance(): void {
    const full = this.#waiting === undefined && !this.#hungry &&
      this.#unread + (this.#reading?.size ?? 0) >=
        this.#settings.readBufferSize;
    if (this.#closing) {
      // Nobody takes it, and the peer's close frame stands behind it.
      if (full && !this.#dropping) {
        this.#dropping = true;
        this.#cutIncoming(
          new DOMException(
            "Cannot read message: the connection is closing",
            "InvalidStateError",
          ),
        );
      }
      if (this.#paused) this.#resume();
      return;
    }
    if (!this.#transport.capabilities.readBackpressure) {
      this.#bound();
      return;
    }
    if (full === this.#paused || this.#error !== undefined) return;
    if (full) {
      this.#paused = true;
      this.#transport.pause();
    } else {
      this.#resume();
    }
  }

  #resume(): void {
    this.#paused = false;
    this.#transport.resume();
  }

  // The peer cannot be stopped: it is cut when too much is unread.
  #bound(): void {
    if (this.#waiting !== undefined || this.#error !== undefined) return;
    const { readLimit } = this.#settings;
    if (this.#queue.length <= MAX_UNREAD && this.#unread <= readLimit) return;
    this.#owner.fail(
      new ReadLimitError(
        readLimit,
        `Cannot buffer more than ${MAX_UNREAD} unread messages or ${readLimit} bytes: ` +
          `${this.#transport.description} cannot stop its peer, read faster or use the wire engine`,
      ),
      1008,
    );
  }
}

function cost(item: Message | IncomingMessage): number {
  return MESSAGE_COST +
    (item instanceof IncomingMessage ? item.size : item.data.length);
}

/** Whether an iteration ends here without an error: the peer said good-bye. */
export function isExpectedEnd(error: Error): boolean {
  return error instanceof CloseError &&
    (error.code === 1000 || error.code === 1001 || error.code === 1005);
}

// deno-lint-ignore no-explicit-any -- see Waiting
function endOf(error: Error, want: Waiting["want"]): Promise<any> {
  if (want === "result" && isExpectedEnd(error)) {
    return Promise.resolve({ value: undefined, done: true });
  }
  return handled(Promise.reject(error));
}
