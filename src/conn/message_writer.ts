import type { DataType } from "../message.ts";
import type { Transport } from "../transport/transport.ts";
import type { Outbound } from "./outbound.ts";
import { nameOf } from "./payload.ts";
import { onAbort } from "./promises.ts";
import { TextPieces } from "./text_pieces.ts";
import { giveBack } from "./recycling.ts";
import type { Turn } from "./write_queue.ts";

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a writer asks of the connection. */
export interface WriterOwner {
  /** Fails the connection: a message that has begun cannot be taken back. */
  fail(error: Error, code: number): void;
}

/**
 * The sink of `nextWriter`: one message, sent in fragments as it is written, each at most `size` bytes; what is written in one
 * turn of the event loop is gathered. Where the engine cannot stream, the message is gathered whole.
 */
export class MessageSink implements Turn, UnderlyingSink<string | Uint8Array> {
  readonly #type: DataType;
  readonly #transport: Transport;
  readonly #outbound: Outbound;
  readonly #owner: WriterOwner;
  readonly #size: number;
  readonly #text: TextPieces | undefined;
  readonly #turn: PromiseWithResolvers<void> = Promise.withResolvers();
  #controller: WritableStreamDefaultController | undefined;
  #over = false; // ended or dropped, by #error
  #error: unknown;
  #busy = false; // with a write that its user waits for
  #forget: (() => void) | undefined; // of the signal
  #gathered: Uint8Array<ArrayBuffer> = NOTHING; // with room behind it
  #gatheredSize = 0;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #wait: Promise<void> | undefined; // the transport is full
  #giveUp: ((error: unknown) => void) | undefined; // that wait
  #lastWrite = performance.now();
  begun = false;
  place: Turn["place"];

  constructor(
    type: DataType,
    size: number,
    transport: Transport,
    outbound: Outbound,
    owner: WriterOwner,
  ) {
    this.#type = type;
    this.#size = size;
    this.#transport = transport;
    this.#outbound = outbound;
    this.#owner = owner;
    this.#text = type === 1 ? new TextPieces() : undefined;
    this.#turn.promise.catch(() => {});
  }

  /** Waits for its turn; the signal aborts it. */
  open(signal: AbortSignal | undefined): void {
    if (signal?.aborted) return this.drop(signal.reason);
    this.#forget = onAbort(signal, (reason) => this.abort(reason));
    this.#outbound.enter(this);
  }

  // Turn

  get waiting(): boolean {
    return this.#wait !== undefined;
  }

  /** A write that the peer holds up is no idleness. */
  get lastWrite(): number {
    return this.#busy ? performance.now() : this.#lastWrite;
  }

  begin(): void {
    this.#lastWrite = performance.now();
    this.#turn.resolve();
  }

  drop(error: unknown): void {
    if (this.#over) return;
    this.#stop(error);
    this.#controller?.error(error);
  }

  abort(reason: unknown): void {
    if (this.#over) return;
    this.drop(reason);
    this.#giveBack(reason);
  }

  #giveBack(reason: unknown): void {
    if (this.begun) {
      this.#owner.fail(
        new Error("Cannot finish message: its writer was aborted", {
          cause: reason,
        }),
        1011,
      );
    } else {
      this.#outbound.leave(this);
    }
  }

  // UnderlyingSink

  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
    // The stream's own abort would wait for the write that is under way. It
    // errors the stream itself.
    const { signal } = controller;
    const listener = () => {
      if (this.#over) return;
      this.#stop(signal.reason);
      this.#giveBack(signal.reason);
    };
    signal.addEventListener("abort", listener, { once: true });
  }

  write(chunk: string | Uint8Array): Promise<void> {
    return this.#work(async () => {
      await this.#push(toBytes(chunk, this.#text));
      giveBack(chunk);
    });
  }

  close(): Promise<void> {
    return this.#work(async () => {
      this.#text?.end();
      clearTimeout(this.#flushTimer);
      await this.#ready();
      const rest = this.#takeGathered();
      if (this.#transport.capabilities.streaming) {
        await this.#fragment(rest, true);
      } else {
        await this.#take(this.#transport.send(
          this.#type,
          this.#type === 1 ? decoder.decode(rest) : rest,
        ));
      }
      this.#stop(undefined);
      this.#outbound.leave(this);
    });
  }

  // Does a step in its turn; a step that fails ends the message.
  async #work(step: () => Promise<void>): Promise<void> {
    await this.#turn.promise;
    this.#busy = true;
    try {
      this.#outbound.checkDeadline();
      await step();
    } catch (error) {
      this.abort(error);
      throw error;
    } finally {
      this.#busy = false;
      this.#lastWrite = performance.now();
    }
  }

  // Waits until the transport can take more.
  async #ready(): Promise<void> {
    await this.#wait;
    if (this.#over) throw this.#error;
  }

  async #push(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#transport.capabilities.streaming) {
      this.#gather(bytes);
      return;
    }
    await this.#ready();
    let rest = bytes;
    while (this.#gatheredSize + rest.length >= this.#size) {
      if (this.#over) throw this.#error;
      const part = rest.subarray(0, this.#size - this.#gatheredSize);
      rest = rest.subarray(part.length);
      if (part.length < this.#size) this.#gather(part);
      await this.#fragment(
        part.length < this.#size ? this.#takeGathered() : part,
        false,
      );
    }
    if (this.#over) throw this.#error;
    if (rest.length > 0) {
      this.#gather(rest);
      this.#flushTimer ??= setTimeout(() => this.#flush(), 0);
    }
  }

  #gather(bytes: Uint8Array<ArrayBuffer>): void {
    const used = this.#gatheredSize;
    const size = this.#gatheredSize = used + bytes.length;
    if (size > this.#gathered.length) {
      // Doubled, so that a message in single bytes takes linear time.
      const grown = new Uint8Array(Math.max(size, 2 * used));
      grown.set(this.#gathered.subarray(0, used));
      this.#gathered = grown;
    }
    this.#gathered.set(bytes, used);
  }

  // What is gathered, to be sent before more is gathered.
  #takeGathered(): Uint8Array<ArrayBuffer> {
    const taken = this.#gathered.subarray(0, this.#gatheredSize);
    this.#gatheredSize = 0;
    return taken;
  }

  #flush(): void {
    this.#flushTimer = undefined;
    if (this.#over || this.#gatheredSize === 0 || this.#wait !== undefined) {
      return;
    }
    // Errors end the connection, which ends this writer.
    this.#fragment(this.#takeGathered(), false).catch(() => {});
    // Who writes little by little holds no more memory than that.
    if (this.#wait === undefined) this.#gathered = NOTHING;
  }

  async #fragment(data: Uint8Array, fin: boolean): Promise<void> {
    const type = this.begun ? 0 : this.#type;
    this.begun = true;
    await this.#take(this.#transport.sendFragment(type, data, fin));
    // What was gathered meanwhile goes out now.
    if (!fin) this.#flush();
  }

  // Waits until the transport has taken what it was handed.
  async #take(taken: Promise<void> | undefined): Promise<void> {
    if (taken === undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    taken.then(resolve, reject);
    this.#wait = promise;
    this.#giveUp = reject;
    this.#outbound.update();
    try {
      await promise;
    } finally {
      this.#wait = this.#giveUp = undefined;
      this.#outbound.update();
    }
  }

  #stop(error: unknown): void {
    this.#over = true;
    this.#error = error;
    this.#turn.reject(error);
    this.#giveUp?.(error);
    this.#forget?.();
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#gathered = NOTHING;
    this.#gatheredSize = 0;
  }
}

function toBytes(
  chunk: unknown,
  text: TextPieces | undefined,
): Uint8Array<ArrayBuffer> {
  if (typeof chunk === "string") {
    if (text !== undefined) return text.fromString(chunk);
    if (!chunk.isWellFormed()) {
      throw new TypeError(
        "Cannot send message: the string has a lone surrogate, which UTF-8 cannot express",
      );
    }
    return encoder.encode(chunk);
  }
  if (chunk instanceof Uint8Array) {
    return text === undefined
      ? chunk as Uint8Array<ArrayBuffer>
      : text.fromBytes(chunk);
  }
  throw new TypeError(
    `Cannot send message: a chunk must be a string or a Uint8Array, got ${
      nameOf(chunk)
    }`,
  );
}
