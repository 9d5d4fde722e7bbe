// One message that is written in pieces: all methods share its state, hence
// past 300 lines.

import { CloseError } from "../close.ts";
import type { DataType } from "../message.ts";
import type { Transport } from "../transport/transport.ts";
import {
  countMessage,
  isTurnOver,
  nextTurn,
  STREAM_COST,
} from "../base/turns.ts";
import { checkAttached, nameOf, unshared } from "../base/user_values.ts";
import type { Outbound } from "./outbound.ts";
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
  /** Nothing can be sent any more; returns what writes reject with. */
  gone(error: unknown): unknown;
}

/**
 * The sink of `nextWriter`: one message, sent in fragments of at most `size`
 * bytes as it is written. What is written in one turn of the event loop is
 * gathered. Where the engine cannot stream, the whole message is.
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
  #end: { readonly error: unknown } | undefined; // once done or dropped
  #busy = false; // a write or close is under way
  #forget: (() => void) | undefined; // stops listening to the signal
  #gathered: Uint8Array<ArrayBuffer> = NOTHING; // may have room at its end
  #gatheredSize = 0;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #wait: Promise<void> | undefined; // while the transport is full
  #giveUp: ((error: unknown) => void) | undefined; // ends that wait
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
    countMessage(STREAM_COST);
    if (signal?.aborted) {
      nextTurn().then(() => this.drop(signal.reason));
      return;
    }
    this.#forget = onAbort(signal, (reason) => this.abort(reason));
    this.#outbound.enter(this);
  }

  // Turn

  get waiting(): boolean {
    return this.#wait !== undefined;
  }

  /** A write that waits for the peer does not count as idle. */
  get lastWrite(): number {
    return this.#busy ? performance.now() : this.#lastWrite;
  }

  begin(): void {
    this.#lastWrite = performance.now();
    this.#turn.resolve();
  }

  drop(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#stop(error);
    this.#controller?.error(error);
  }

  abort(reason: unknown): void {
    if (this.#end !== undefined) return;
    this.drop(reason);
    this.#releaseTurn(reason);
  }

  #releaseTurn(reason: unknown): void {
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
    // The sink's `abort` is only called once the write under way has settled,
    // which a slow peer may delay forever; the signal fires at once. The stream
    // errors itself.
    const { signal } = controller;
    const listener = () => {
      if (this.#end !== undefined) return;
      this.#stop(signal.reason);
      this.#releaseTurn(signal.reason);
    };
    signal.addEventListener("abort", listener, { once: true });
  }

  write(chunk: string | Uint8Array): Promise<void> {
    return this.#work(async () => {
      countMessage(chunk?.length ?? 0);
      await this.#push(toBytes(chunk, this.#text));
      giveBack(chunk);
    });
  }

  close(): Promise<void> {
    return this.#work(async () => {
      const end = this.#text?.end();
      if (end !== undefined && end.length > 0) await this.#push(end);
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

  // Does a step when it is this writer's turn; a step that fails ends the
  // message.
  async #work(step: () => Promise<void>): Promise<void> {
    await this.#turn.promise;
    this.#busy = true;
    try {
      this.#outbound.checkDeadline();
      await step();
      if (isTurnOver()) await nextTurn();
    } catch (error) {
      if (error instanceof CloseError) {
        // Nothing can be sent any more: the end has been reported, or will be
        // in the next turn.
        await nextTurn();
        const gone = this.#owner.gone(error);
        this.drop(gone);
        throw gone;
      } else if (error instanceof TypeError && this.#end === undefined) {
        // A stream cannot throw at once, so misuse fails the connection.
        this.drop(error);
        this.#owner.fail(error, 1011);
      } else {
        this.abort(error);
      }
      throw error;
    } finally {
      this.#busy = false;
      this.#lastWrite = performance.now();
    }
  }

  // Waits until the transport can take more.
  async #ready(): Promise<void> {
    await this.#wait;
    if (this.#end !== undefined) throw this.#end.error;
  }

  async #push(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#transport.capabilities.streaming) {
      this.#gather(bytes);
      return;
    }
    await this.#ready();
    let rest = bytes;
    while (this.#gatheredSize + rest.length >= this.#size) {
      if (this.#end !== undefined) throw this.#end.error;
      const part = rest.subarray(0, this.#size - this.#gatheredSize);
      rest = rest.subarray(part.length);
      if (part.length < this.#size) this.#gather(part);
      await this.#fragment(
        part.length < this.#size ? this.#takeGathered() : part,
        false,
      );
    }
    if (this.#end !== undefined) throw this.#end.error;
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

  // What has been gathered; it must be sent before more is gathered.
  #takeGathered(): Uint8Array<ArrayBuffer> {
    const taken = this.#gathered.subarray(0, this.#gatheredSize);
    this.#gatheredSize = 0;
    return taken;
  }

  #flush(): void {
    this.#flushTimer = undefined;
    const idle = this.#gatheredSize === 0 || this.#wait !== undefined;
    if (this.#end !== undefined || idle) return;
    // Errors end the connection, which ends this writer.
    this.#fragment(this.#takeGathered(), false).catch(() => {});
    // A writer that writes little by little does not keep the memory.
    if (this.#wait === undefined) this.#gathered = NOTHING;
  }

  async #fragment(data: Uint8Array, fin: boolean): Promise<void> {
    const type = this.begun ? 0 : this.#type;
    this.begun = true;
    await this.#take(this.#transport.sendFragment(type, data, fin));
    // What was gathered meanwhile goes out now.
    if (!fin) this.#flush();
  }

  // Waits until the transport has taken what it was given.
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
    this.#end = { error };
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
    return text === undefined ? encoder.encode(chunk) : text.fromString(chunk);
  }
  if (chunk instanceof Uint8Array) {
    checkAttached(chunk, "send message");
    return text?.fromBytes(unshared(chunk)) ?? unshared(chunk);
  }
  throw new TypeError(
    `Cannot send message: a chunk must be a string or a Uint8Array, got ${
      nameOf(chunk)
    }`,
  );
}
