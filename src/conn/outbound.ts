// The queue, the message being sent and the open writer are one state, hence
// past 300 lines.

import { CloseError } from "../close.ts";
import { CloseSentError, WriteLimitError } from "../errors.ts";
import type { DataType } from "../message.ts";
import {
  type PreparedBatch,
  preparedData,
  type PreparedMessage,
} from "../prepared.ts";
import { COPY_LIMIT, type Transport } from "../transport/transport.ts";
import { countMessage, isTurnOver, nextTurn } from "../base/turns.ts";
import { unshared } from "../base/user_values.ts";
import { Deadline } from "./deadline.ts";
import { type End, lateEnd } from "./ending.ts";
import { IdleWatch } from "./idle_watch.ts";
import { checkPayload } from "./payload.ts";
import {
  handedOver,
  handled,
  inNextTurn,
  onAbort,
  rejected,
  type WaitOptions,
} from "./promises.ts";
import { type Entry, type Turn, WriteQueue } from "./write_queue.ts";

/** What the writing side asks of the connection. */
export interface OutboundOwner {
  /** Fails the connection: the peer reads too slowly, or a message was cut. */
  fail(error: Error, code: number): void;
  /** Nothing can be sent any more; returns what writes reject with. */
  gone(error: unknown): unknown;
}

/** The settings that the writing side needs. */
export interface OutboundSettings {
  readonly writeLimit: number;
  readonly closeTimeout: number;
}

/**
 * The writing side of a connection: whole messages, first in, first out, and
 * writers that take their turn among them.
 */
export class Outbound {
  readonly #transport: Transport;
  readonly #owner: OutboundOwner;
  readonly #settings: OutboundSettings;
  #deadline: Deadline | undefined; // once one has been set
  readonly #queue: WriteQueue = new WriteQueue();
  #sending: Entry | undefined; // handed over, not yet taken; others wait
  #turn: Turn | undefined; // the open writer
  #idleWatch: IdleWatch | undefined; // once anything has waited for a writer
  #end: End | undefined; // why no more is accepted
  #drained: (() => void) | undefined; // called when the queue is empty
  #free = true; // whether a message may go out at once

  /**
   * Called before anything is written or closed: what was published to this
   * connection, and has not been sent yet, comes first.
   */
  before: (() => void) | undefined;

  constructor(
    transport: Transport,
    owner: OutboundOwner,
    settings: OutboundSettings,
  ) {
    this.#transport = transport;
    this.#owner = owner;
    this.#settings = settings;
  }

  /** Why no more is accepted. */
  get error(): Error | undefined {
    return this.#end?.error;
  }

  /** Bytes in the queue, not yet handed to the transport. */
  get queued(): number {
    return this.#queue.bytes;
  }

  setDeadline(at: Date | null): void {
    this.#deadline ??= new Deadline("write", (error) => this.#expire(error));
    this.#deadline.set(at);
    this.update();
  }

  /** Throws if the deadline for writing has passed. */
  checkDeadline(): void {
    if (this.#deadline?.expired) throw this.#deadline.error();
  }

  send(
    type: DataType,
    data: string | Uint8Array,
    options?: WaitOptions,
  ): Promise<void> {
    checkPayload(type, data);
    this.before?.();
    // A smaller payload is copied before this method returns.
    if (typeof data !== "string" && data.length > COPY_LIMIT) {
      data = unshared(data);
    }
    if (this.#free && options === undefined) {
      let wait: Promise<void> | undefined;
      try {
        wait = this.#transport.send(type, data);
      } catch (error) {
        return this.#refused(error);
      }
      return wait === undefined
        ? handedOver(data.length)
        : this.#follow(data.length, wait);
    }
    // A payload in the queue must not change when the caller's does.
    const kept = typeof data !== "string" && data.length <= COPY_LIMIT
      ? new Uint8Array(data)
      : data;
    return this.#enqueue(
      data.length,
      () => this.#transport.send(type, kept),
      options?.signal,
    );
  }

  sendPrepared(
    message: PreparedMessage,
    options?: WaitOptions,
  ): Promise<void> {
    this.before?.();
    return this.#sendPrepared(message, options);
  }

  /**
   * Sends what was published, one after the other. Nobody waits for it: its
   * failure is seen by the next read.
   */
  sendBatch(batch: PreparedBatch): void {
    const transport = this.#transport;
    if (this.#free && transport.sendBatch !== undefined) {
      let wait: Promise<void> | undefined | false;
      try {
        wait = transport.sendBatch(batch);
      } catch (error) {
        this.#refused(error);
        return;
      }
      if (wait === undefined) return countMessage(batch.size);
      if (wait !== false) {
        this.#follow(batch.size, wait);
        return;
      }
    }
    for (const message of batch.messages) this.#sendPrepared(message);
  }

  #sendPrepared(
    message: PreparedMessage,
    options?: WaitOptions,
  ): Promise<void> {
    const size = preparedData(message).length;
    if (this.#free && options === undefined) {
      let wait: Promise<void> | undefined;
      try {
        wait = this.#transport.sendPrepared(message);
      } catch (error) {
        return this.#refused(error);
      }
      return wait === undefined ? handedOver(size) : this.#follow(size, wait);
    }
    return this.#enqueue(
      size,
      () => this.#transport.sendPrepared(message),
      options?.signal,
    );
  }

  /** Queues a writer for its turn, which {@linkcode Outbound.leave} ends. */
  enter(turn: Turn): void {
    this.before?.();
    const end = this.#end;
    if (end !== undefined) {
      nextTurn().then(() => turn.drop(end.error));
      return;
    }
    this.#queue.push(turn);
    this.#pump();
  }

  /** Ends a writer's turn, or takes it out of the queue. */
  leave(turn: Turn): void {
    if (this.#turn === turn) this.#turn = undefined;
    else this.#queue.remove(turn);
    this.#pump();
  }

  /**
   * Accepts no more messages, and calls `drained` once those in the queue have
   * been handed over; with `drop`, they are dropped instead. Writers are
   * dropped, and if one has begun its message, so is everything that waits for
   * it.
   */
  close(drop: boolean, drained: () => void): void {
    const end = this.#end = lateEnd(() => new CloseSentError());
    this.#drained = drained;
    const turn = this.#turn;
    this.#queue.clear(end, !drop && !turn?.begun);
    this.#turn = undefined;
    turn?.drop(end.error);
    this.#pump();
  }

  /** Writing is over: the writes of what has not been taken reject. */
  end(end: End): void {
    this.#end ??= end;
    this.#drained = undefined;
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.drop(end.error);
    this.#queue.clear(end);
    this.#sending?.reject(end.error);
    this.#sending = undefined;
    this.update();
  }

  /** Updates what follows from who waits; called whenever that changes. */
  update(): void {
    const waiting = this.#queue.length > 0;
    this.#free = !waiting && this.#sending === undefined &&
      this.#turn === undefined && this.#end === undefined &&
      !this.#deadline?.isSet;
    this.#deadline?.wait(
      waiting || this.#sending !== undefined || this.#turn?.waiting === true,
    );
    const watched = waiting ? this.#turn : undefined;
    if (watched !== undefined) {
      this.#idleWatch ??= new IdleWatch(
        this.#settings.closeTimeout,
        (error) => this.#owner.fail(error, 1011),
      );
    }
    this.#idleWatch?.watch(watched);
  }

  #enqueue(
    size: number,
    start: () => Promise<void> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (signal?.aborted) return rejected(signal.reason);
    if (this.#end !== undefined) return rejected(this.#end.error);
    if (this.#deadline?.expired) return rejected(this.#deadline.error());
    // One message alone may be larger than the limit.
    const unsent = this.#transport.bufferedAmount + this.#queue.bytes;
    const { writeLimit } = this.#settings;
    if (
      unsent > 0 && unsent + size > writeLimit ||
      this.#queue.exceedsCount(writeLimit)
    ) {
      const error = new WriteLimitError(writeLimit);
      this.#owner.fail(error, 1008);
      return rejected(error);
    }
    const { entry, promise } = this.#entry(size, start, signal);
    this.#queue.push(entry);
    this.#pump();
    return promise;
  }

  #entry(
    size: number,
    start: () => Promise<void> | undefined,
    signal: AbortSignal | undefined,
  ): { entry: Entry; promise: Promise<void> } {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    countMessage(size);
    const forget = onAbort(signal, (reason) => this.#withdraw(entry, reason));
    const entry: Entry = {
      size,
      start,
      resolve: () => {
        forget();
        if (isTurnOver()) nextTurn().then(resolve);
        else resolve();
      },
      reject: (reason) => {
        forget();
        reject(reason);
      },
    };
    return { entry, promise: handled(promise) };
  }

  // Hands over what may go out.
  #pump(): void {
    while (this.#sending === undefined && this.#turn === undefined) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      if (!("size" in next)) {
        this.#turn = next;
        next.begin();
        break;
      }
      this.#start(next);
    }
    this.update();
    if (this.#sending !== undefined || this.#queue.length > 0) return;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  #start(entry: Entry): void {
    let wait: Promise<void> | undefined;
    try {
      wait = entry.start();
    } catch (error) {
      nextTurn().then(() => entry.reject(this.#failure(error)));
      return;
    }
    if (wait === undefined) return entry.resolve();
    this.#sending = entry;
    // A small payload has been copied, so its write is done; only what follows
    // waits.
    if (entry.size <= COPY_LIMIT) entry.resolve();
    wait.then(() => this.#sent(entry), (error) => {
      entry.reject(this.#failure(error));
      this.#sent(entry);
    });
  }

  // Nothing can be sent any more. The transport reports its end, with the
  // reason, in the next turn at the latest.
  #refused(error: unknown): Promise<never> {
    if (!(error instanceof CloseError)) throw error;
    return inNextTurn(() => {
      throw this.#failure(error);
    });
  }

  #failure(error: unknown): unknown {
    return this.#end?.error ?? this.#owner.gone(error);
  }

  // The message went out at once, but the transport is full now.
  #follow(size: number, wait: Promise<void>): Promise<void> {
    const { entry, promise } = this.#entry(size, () => wait, undefined);
    this.#start(entry);
    this.update();
    return promise;
  }

  #sent(entry: Entry): void {
    if (this.#sending !== entry) return;
    this.#sending = undefined;
    entry.resolve();
    this.#pump();
  }

  // The write of a message was given up. If nothing of it has gone out, it is
  // not sent; otherwise the connection cannot go on.
  #withdraw(entry: Entry, reason: unknown): void {
    entry.reject(reason);
    if (this.#queue.remove(entry)) {
      this.update();
    } else if (this.#sending === entry) {
      this.#owner.fail(
        new Error("Cannot finish message: its write was given up", {
          cause: reason,
        }),
        1011,
      );
    }
  }

  #expire(error: DOMException): void {
    this.#queue.clear({ error });
    const sending = this.#sending;
    if (sending !== undefined && sending.size > COPY_LIMIT) {
      this.#withdraw(sending, error);
    }
    if (this.#turn?.waiting) this.#turn.abort(error);
    this.update();
  }
}
