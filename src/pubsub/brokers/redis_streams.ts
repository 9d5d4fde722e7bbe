import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../../base/options.ts";
import { nextTurn } from "../../base/turns.ts";
import type { Broker } from "../broker.ts";
import { Receivers } from "./receivers.ts";

/**
 * Sends a command to Redis, by any client: `(args) => client.sendCommand(args)`
 * of node-redis, `([name, ...args]) => client.call(name, ...args)` of ioredis,
 * `([name, ...args]) => client.send(name, args)` of Bun's.
 *
 * @param command The command's name and arguments
 * @returns Fulfils with Redis's answer
 */
export type RedisSend = (
  command: [name: string, ...args: string[]],
) => Promise<unknown>;

/** Options of {@linkcode redisStreams}. */
export interface RedisStreamsOptions {
  /**
   * Messages that Redis keeps of each topic, about: what is published while a
   * connection is away is delivered as long as it is among them.
   *
   * @default {1_000}
   */
  readonly length?: number;
}

const STREAMS_OPTIONS: OptionsOf<RedisStreamsOptions> = declareOptions({
  what: "redisStreams()",
  use: "redisStreams(send, sendBlocking, { … })",
  names: { length: true },
});

// Seconds that a stream outlives its last message: whoever chooses topics must
// not fill the server's memory for ever.
const LIFETIME = "3600";
// Milliseconds that a read waits; a reader that is new wakes it.
const BLOCK = "5000";
const COUNT = "1000";
// Milliseconds before a read that has failed is tried again, at first and at
// most; each time so many times longer. A cut of a moment loses nothing, and is
// over before the last.
const RETRY = 100;
const LONGER = 4;
const MAX_RETRY = 5_000;

/**
 * Redis or Valkey, by its streams, which survive cuts: what Redis has accepted is
 * delivered when the connection is there again. Each topic is a stream. It takes
 * two connections, as a read that waits blocks its own.
 *
 * Its keys are the channels, `ws!`, `ws:` and a topic, and `ws?` and a topic for
 * presence, with the hub's prefix in the place of `ws`; and `wake:` with a UUID, one
 * for each broker. They expire, after an hour and a minute. A topic whose key the
 * application uses cannot be published to.
 *
 * Reading that fails for more than two seconds is told to the hub's `onError`, and
 * each topic has a gap when that is over: Redis may have dropped messages.
 *
 * Bun's clients need `maxRetries: 1_000_000_000`: by default they give up half a
 * minute after Redis has gone.
 *
 * @param send Sends a command
 * @param sendBlocking Sends a command on a connection that is used for nothing
 * else
 * @param options How much of each topic is kept
 * @returns The broker
 * @throws {TypeError} If one of them is no function, or an option not known
 * @throws {RangeError} If the length is no positive number
 *
 * @example On Bun
 * ```ts no-assert
 * import { Hub, redisStreams, type RedisSend } from "@silverback/websocket/pubsub";
 *
 * function start(connect: () => { send(name: string, args: string[]): Promise<unknown> }): Hub {
 *   const [client, blocked] = [connect(), connect()];
 *   const send: RedisSend = ([name, ...args]) => client.send(name, args);
 *   const sendBlocking: RedisSend = ([name, ...args]) => blocked.send(name, args);
 *   return new Hub({ broker: redisStreams(send, sendBlocking, { length: 10_000 }) });
 * }
 * ```
 */
export function redisStreams(
  send: RedisSend,
  sendBlocking: RedisSend,
  options?: RedisStreamsOptions,
): Broker {
  for (const one of [send, sendBlocking]) {
    if (typeof one === "function") continue;
    throw new TypeError(
      `Cannot use ${typeof one} for redisStreams(): it must be a function that sends a command`,
    );
  }
  const { length = 1_000 } = readOptions(options, STREAMS_OPTIONS);
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new RangeError(
      `Cannot use length ${length}: it must be a positive number of messages`,
    );
  }
  const reader = new StreamReader(send, sendBlocking);
  async function expire(
    added: Promise<unknown>,
    channel: string,
  ): Promise<void> {
    try {
      await added;
      await send(["EXPIRE", channel, LIFETIME]);
    } catch {
      // That it was not added is told; the next message makes it expire as well.
    }
  }
  return {
    publish(channel, message) {
      const added = send(
        ["XADD", channel, "MAXLEN", "~", String(length), "*", "m", message],
      );
      // A key that is no stream is the application's, and stays.
      expire(added, channel);
      return added;
    },
    subscribe: (channel, receiver) => reader.receivers.add(channel, receiver),
  };
}

/** Reads all streams that are subscribed to, by one command at a time. */
class StreamReader {
  readonly receivers: Receivers = new Receivers(
    (channel) => this.#open(channel),
    (channel) => this.#close(channel),
  );
  readonly #send: RedisSend;
  readonly #sendBlocking: RedisSend;
  readonly #last: Map<string, ID> = new Map(); // by channel
  readonly #left: Set<string> = new Set(); // of those, who may come again
  // A stream of its own, in which a message ends the read that waits.
  readonly #wake: string = `wake:${crypto.randomUUID()}`;
  #lastWake = "0";
  #reading = false;
  #pause = RETRY; // before the next read, if this one fails
  #retry: (() => void) | undefined; // ends the wait

  constructor(send: RedisSend, sendBlocking: RedisSend) {
    this.#send = send;
    this.#sendBlocking = sendBlocking;
  }

  async #open(channel: string): Promise<void> {
    // One that is made anew goes on where it was.
    if (this.#left.delete(channel)) return;
    const newest = await this.#send(
      ["XREVRANGE", channel, "+", "-", "COUNT", "1"],
    );
    const id = Array.isArray(newest) ? newest[0]?.[0] : undefined;
    this.#last.set(channel, readID(String(id ?? "0")));
    if (this.#reading) this.#stir();
    else this.#read();
  }

  #close(channel: string): void {
    this.#left.add(channel);
    if (this.#left.size < this.#last.size) return;
    this.#retry?.();
    this.#stir();
  }

  // A link that is made anew leaves its channel, and comes again in this turn.
  async #forget(): Promise<void> {
    if (this.#left.size === 0) return;
    await nextTurn();
    for (const channel of this.#left) this.#last.delete(channel);
    this.#left.clear();
  }

  // Another read is needed, with what is subscribed to now.
  #stir(): void {
    this.#try(["XADD", this.#wake, "MAXLEN", "1", "*", "m", ""]);
    this.#try(["EXPIRE", this.#wake, "60"]);
  }

  // What may fail: the read that waits ends by itself, if later.
  async #try(command: [string, ...string[]]): Promise<void> {
    try {
      await this.#send(command);
    } catch {
      // What fails for good fails the reads and the publications too.
    }
  }

  async #read(): Promise<void> {
    this.#reading = true;
    for (;;) {
      await this.#forget();
      if (this.#last.size === 0) break;
      const keys = [this.#wake, ...this.#last.keys()];
      const last = [...this.#last.values()].map((id) => id.join("-"));
      const ids = [this.#lastWake, ...last];
      try {
        const answer = await this.#sendBlocking(
          ["XREAD", "COUNT", COUNT, "BLOCK", BLOCK, "STREAMS", ...keys, ...ids],
        );
        await this.#forget();
        if (this.#pause === MAX_RETRY) this.receivers.interrupted();
        this.#pause = RETRY;
        this.#take(streamsOf(answer));
      } catch (error) {
        // The connection is away, and Redis keeps what is published, but not for
        // ever; or Redis refuses, and would do so again.
        if (this.#pause === MAX_RETRY) this.receivers.failed(error);
        await this.#wait(this.#pause);
        this.#pause = Math.min(LONGER * this.#pause, MAX_RETRY);
      }
    }
    this.#reading = false;
    this.#try(["DEL", this.#wake]);
    this.#lastWake = "0";
  }

  // Redis answers by key. A heartbeat that was sent behind messages, and is
  // handed over before them, would show them as missed.
  #take(streams: Streams): void {
    const all: [id: ID, key: string, text: string][] = [];
    let end: ID = [Infinity, 0]; // what is behind it is read again
    for (const [key, messages] of streams) {
      for (const [id, fields] of messages) {
        if (key === this.#wake) this.#lastWake = String(id);
        else all.push([readID(String(id)), key, String(fields[1])]);
      }
      if (key === this.#wake || messages.length < Number(COUNT)) continue;
      const last = all.at(-1)![0];
      if (compareIDs(last, end) < 0) end = last;
    }
    all.sort(([id], [other]) => compareIDs(id, other));
    for (const [id, key, text] of all) {
      // What is made anew, by what came before, is not overtaken.
      if (compareIDs(id, end) > 0 || this.#left.has(key)) break;
      const last = this.#last.get(key);
      // Nobody may want it any more, or somebody again from a later one on.
      if (last === undefined || compareIDs(id, last) <= 0) continue;
      this.#last.set(key, id);
      this.receivers.message(key, text);
    }
  }

  #wait(time: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      clearTimeout(timer);
      this.#retry = undefined;
      resolve();
    };
    const timer = setTimeout(end, time);
    this.#retry = end;
    return promise;
  }
}

/** Of a message: in order over all streams of a Redis. */
type ID = [time: number, count: number];

function readID(id: string): ID {
  const [time = 0, count = 0] = id.split("-").map(Number);
  return [time, count];
}

function compareIDs([time, count]: ID, [otherTime, otherCount]: ID): number {
  return time - otherTime || count - otherCount;
}

type Streams = Iterable<[key: string, messages: [string, string[]][]]>;

// A list of pairs in RESP2, a map in RESP3, which clients show in their ways:
// as a Map, as an object, and ioredis as a list of keys and values in turn.
function streamsOf(answer: unknown): Streams {
  if (answer === null || answer === undefined) return [];
  if (answer instanceof Map) return answer;
  if (!Array.isArray(answer)) return Object.entries(answer);
  if (Array.isArray(answer[0])) return answer as unknown as Streams;
  return answer.flatMap((key, i) => i % 2 === 0 ? [[key, answer[i + 1]]] : []);
}
