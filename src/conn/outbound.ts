import { CloseSentError, WriteLimitError } from "../errors.ts";
import type { DataType } from "../message.ts";
import { preparedData, type PreparedMessage } from "../prepared.ts";
import { COPY_LIMIT, type Transport } from "../transport/transport.ts";
import { Deadline } from "./deadline.ts";
import { IdleWatch } from "./idle_watch.ts";
import { payloadError } from "./payload.ts";
import {
  handled,
  onAbort,
  rejected,
  RESOLVED,
  type WaitOptions,
} from "./promises.ts";
import { type Entry, type Turn, WriteQueue } from "./write_queue.ts";

/** What the writing side asks of the connection. */
export interface OutboundOwner {
  /** Fails the connection: the peer reads too slowly, or a message was cut. */
  fail(error: Error, code: number): void;
}

/** What the writing side has to know. */
export interface OutboundSettings {
  readonly writeLimit: number;
  readonly closeTimeout: number;
}

/** The writing side of a connection: whole messages, first in first out, and writers that take their turn. */
export class Outbound {
  readonly #transport: Transport;
  readonly #owner: OutboundOwner;
  readonly #settings: OutboundSettings;
  #deadline: Deadline | undefined; // once one has been set
  readonly #queue: WriteQueue = new WriteQueue();
  #sending: Entry | undefined; // the transport takes it, and nothing else
  #turn: Turn | undefined; // the open writer
  #idleWatch: IdleWatch | undefined; // once others have waited for a writer
  #error: Error | undefined; // why no more is accepted
  #drained: (() => void) | undefined; // called when all has been handed over
  #free = true; // a message may go out at once

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
    return this.#error;
  }

  /** Bytes that the transport has not been handed. */
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
    const invalid = payloadError(type, data);
    if (invalid !== undefined) return rejected(invalid);
    if (this.#free && options === undefined) {
      const wait = this.#transport.send(type, data);
      return wait === undefined ? RESOLVED : this.#follow(data.length, wait);
    }
    // What waits in the queue is no more the caller's to change.
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
    const size = preparedData(message).length;
    if (this.#free && options === undefined) {
      const wait = this.#transport.sendPrepared(message);
      return wait === undefined ? RESOLVED : this.#follow(size, wait);
    }
    return this.#enqueue(
      size,
      () => this.#transport.sendPrepared(message),
      options?.signal,
    );
  }

  /** Puts a writer in the queue for its turn, which {@linkcode Outbound.leave} ends. */
  enter(turn: Turn): void {
    if (this.#error !== undefined) return turn.drop(this.#error);
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
   * Takes no more messages. Calls `drained` when those in the queue have been handed over, or, with `drop`, without them.
   * Writers are dropped, and if one has begun its message, so is what waits behind it.
   */
  close(drop: boolean, drained: () => void): void {
    const error = new CloseSentError();
    this.#error = error;
    this.#drained = drained;
    const turn = this.#turn;
    if (drop || turn?.begun) this.#queue.clear(error);
    else this.#queue.dropWriters(error);
    this.#turn = undefined;
    turn?.drop(error);
    this.#pump();
  }

  /** Writing is over: what has not been handed over rejects. */
  end(error: Error): void {
    this.#error ??= error;
    this.#drained = undefined;
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.drop(error);
    this.#queue.clear(error);
    this.#sending?.reject(error);
    this.#sending = undefined;
    this.update();
  }

  /** Something has come to wait, or waits no more. */
  update(): void {
    const waiting = this.#queue.length > 0;
    this.#free = !waiting && this.#sending === undefined &&
      this.#turn === undefined && this.#error === undefined &&
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
    if (this.#error !== undefined) return rejected(this.#error);
    if (this.#deadline?.expired) return rejected(this.#deadline.error());
    // One message alone may be larger than the limit.
    const unsent = this.#transport.bufferedAmount + this.#queue.bytes;
    const { writeLimit } = this.#settings;
    if (
      unsent > 0 && unsent + size > writeLimit ||
      this.#queue.crowds(writeLimit)
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
    const forget = onAbort(signal, (reason) => this.#withdraw(entry, reason));
    const entry: Entry = {
      size,
      start,
      resolve: () => {
        forget();
        resolve();
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
      const wait = next.start();
      if (wait === undefined) next.resolve();
      else this.#await(next, wait);
    }
    this.update();
    if (this.#sending !== undefined || this.#queue.length > 0) return;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  // A message that went out at once, but the transport can take no more.
  #follow(size: number, wait: Promise<void>): Promise<void> {
    const { entry, promise } = this.#entry(size, unreachable, undefined);
    this.#await(entry, wait);
    this.update();
    return promise;
  }

  #await(entry: Entry, wait: Promise<void>): void {
    this.#sending = entry;
    // A copied payload is done with; only what comes behind it waits.
    if (entry.size <= COPY_LIMIT) entry.resolve();
    wait.then(() => this.#sent(entry), (error) => {
      entry.reject(this.#error ?? error);
      this.#sent(entry);
    });
  }

  #sent(entry: Entry): void {
    if (this.#sending !== entry) return;
    this.#sending = undefined;
    entry.resolve();
    this.#pump();
  }

  // A message whose writer waits no more: it is taken back if nothing of it has
  // gone out, otherwise the connection cannot go on.
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
    this.#queue.clear(error);
    const sending = this.#sending;
    if (sending !== undefined && sending.size > COPY_LIMIT) {
      this.#withdraw(sending, error);
    }
    if (this.#turn?.waiting) this.#turn.abort(error);
    this.update();
  }
}

function unreachable(): never {
  throw new Error("Cannot start message: it has gone out already");
}
