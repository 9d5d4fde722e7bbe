import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import type { BufferPool } from "../transport/byte_stream.ts";
import {
  checkMessageLimit,
  type MessageLimitOptions,
} from "./message_limit.ts";
import { shown } from "../base/user_values.ts";

/** When a silent peer is pinged, and when it is given up. */
export interface KeepAliveOptions {
  /**
   * Milliseconds after which a ping is sent if nothing has been received.
   *
   * @default {30_000}
   */
  readonly interval?: number;
  /**
   * Milliseconds after that ping after which the connection is failed with a
   * `TimeoutError` if still nothing has been received.
   *
   * @default {30_000}
   */
  readonly timeout?: number;
}

/** Limits and timeouts of a connection, the same for servers and clients. */
export interface ConnOptions {
  /**
   * Bytes that are read ahead while nobody reads, before the peer is stopped; 0
   * means the default. It does not limit the size of a message. Native engines
   * have buffers of their own.
   *
   * @default {65_536}
   */
  readonly readBufferSize?: number;
  /**
   * Bytes that are gathered before a write goes out, and the size of the
   * fragments that `nextWriter` sends; 0 means the default. It does not limit
   * the size of a message. Native engines have buffers of their own.
   *
   * @default {65_536}
   */
  readonly writeBufferSize?: number;
  /**
   * Where write buffers come from (gorilla's `WriteBufferPool`). Default: a
   * pool that all connections share. In either case, a connection with nothing
   * to send holds no buffer.
   */
  readonly writeBufferPool?: BufferPool;
  /**
   * The largest message to receive, in bytes after inflation, all fragments
   * together (RFC 6455, section 10.4). A larger one fails the connection with
   * code 1009 and a `ReadLimitError`; where the engine allows it, before the
   * message is buffered. `Infinity` is no limit; 0 is a `RangeError`.
   *
   * @default {16_777_216}
   */
  readonly readLimit?: number;
  /**
   * When to ping a silent peer (RFC 6455, section 5.5.2), and when to give it
   * up; `false` turns that off. Anything received counts as a sign of life.
   * While nobody reads and the peer is stopped for that, it cannot be heard, so
   * the time does not count. Pings still go out, as they fail if the peer has
   * vanished; and a peer that takes nothing of what waits to be sent, for both
   * times together, is given up. On Deno's native engine it is the runtime's
   * `idleTimeout`, set to the sum of both times. Default: `{}`, which is 30 and
   * 30 seconds, for servers; `false` for dialers.
   */
  readonly keepAlive?: KeepAliveOptions | false;
  /**
   * Milliseconds that the closing handshake (RFC 6455, section 7.1.2) may take,
   * from this side's close frame on, before the connection is cut. What is
   * queued before the close frame still goes out if the peer takes at least 256
   * KiB in each such time. It is also how long a close handler may take to
   * answer, and how long a writer of `nextWriter` may write nothing while other
   * messages wait.
   *
   * @default {5_000}
   */
  readonly closeTimeout?: number;
  /**
   * How many bytes may wait unsent once the write buffer (`writeBufferSize`, at
   * least 64 KiB) is full. Beyond that the peer reads too slowly, and the
   * connection is failed with a `WriteLimitError`. A single message may be
   * larger. `Infinity` is no limit; 0 is a `RangeError`.
   *
   * @default {67_108_864}
   */
  readonly writeLimit?: number;
  /**
   * How many messages the peer may send. One more fails the connection with
   * code 1008 and a `MessageLimitError`. A message counts when it begins,
   * whatever its size and its number of fragments. While nobody reads and the
   * peer is stopped for that, what it sends waits, and may then come at once:
   * beside the burst, as many as the time of the stop allows, for as long again.
   * A link that carries less than twice `perSecond` may be too slow for that.
   * Pings, and pongs that this side has not asked for, are counted apart, by
   * the same figures but by 10 at least; native engines do not show all of
   * them: on Deno none is counted. Default: none.
   */
  readonly messageLimit?: MessageLimitOptions;
}

/** {@linkcode ConnOptions} with the defaults filled in. */
export interface ConnSettings {
  readonly readBufferSize: number;
  readonly writeBufferSize: number;
  readonly writeBufferPool: BufferPool | undefined;
  readonly readLimit: number;
  readonly keepAlive: Required<KeepAliveOptions> | undefined;
  readonly closeTimeout: number;
  readonly writeLimit: number;
  readonly messageLimit: Required<MessageLimitOptions> | undefined;
}

/** The names of {@linkcode ConnOptions}. */
export const CONN_OPTIONS: Readonly<Record<keyof ConnOptions, true>> = {
  readBufferSize: true,
  writeBufferSize: true,
  writeBufferPool: true,
  readLimit: true,
  keepAlive: true,
  closeTimeout: true,
  writeLimit: true,
  messageLimit: true,
};

/** The options in `keepAlive`. */
export const KEEP_ALIVE_OPTIONS: OptionsOf<KeepAliveOptions> =
  /* @__PURE__ */ declareOptions({
    what: "keepAlive",
    use: "keepAlive: { … }",
    names: { interval: true, timeout: true },
  });

const DEFAULT_BUFFER_SIZE = 65_536;
const DEFAULT_KEEP_ALIVE = 30_000;

/**
 * Checks options that {@linkcode readOptions} has read, and fills in the
 * defaults.
 */
export function connSettings(
  options: ConnOptions,
  side: "server" | "client",
): ConnSettings {
  const given = options.keepAlive ?? (side === "server" ? {} : false);
  const keepAlive = given !== false &&
    readOptions(given, KEEP_ALIVE_OPTIONS);
  return {
    readBufferSize: size("readBufferSize", options.readBufferSize),
    writeBufferSize: size("writeBufferSize", options.writeBufferSize),
    writeBufferPool: checkPool(options.writeBufferPool),
    readLimit: checkReadLimit(options.readLimit ?? 16 * 2 ** 20),
    keepAlive: keepAlive === false ? undefined : {
      interval: milliseconds(
        "keepAlive.interval",
        keepAlive.interval ?? DEFAULT_KEEP_ALIVE,
      ),
      timeout: milliseconds(
        "keepAlive.timeout",
        keepAlive.timeout ?? DEFAULT_KEEP_ALIVE,
      ),
    },
    closeTimeout: milliseconds("closeTimeout", options.closeTimeout ?? 5_000),
    writeLimit: positive("writeLimit", options.writeLimit ?? 64 * 2 ** 20),
    messageLimit: options.messageLimit === undefined
      ? undefined
      : checkMessageLimit(options.messageLimit),
  };
}

function checkPool(pool: BufferPool | undefined): BufferPool | undefined {
  if (
    pool === undefined ||
    typeof pool?.get === "function" && typeof pool.put === "function"
  ) return pool;
  throw new TypeError(
    "Cannot use writeBufferPool: it must have the methods get and put",
  );
}

/** Returns the read limit, or throws a RangeError. */
export function checkReadLimit(bytes: number): number {
  return positive("readLimit", bytes);
}

// A quarter of the longest delay that setTimeout takes, in milliseconds: 6 days.
// Beyond that it fires at once, and some delays are sums of up to three times.
const MAX_TIME = 2 ** 29;

/** Returns the time in milliseconds, or throws a RangeError. */
export function milliseconds(name: string, value: number): number {
  if (!Number.isFinite(value) || value <= 0) {
    throw new RangeError(
      `Cannot use ${name} ${
        shown(value)
      }: it must be a positive number of milliseconds`,
    );
  }
  return Math.min(value, MAX_TIME);
}

function size(name: string, value = 0): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot use ${name} ${
        shown(value)
      }: it must be a number of bytes, or 0 for the default`,
    );
  }
  return value === 0 ? DEFAULT_BUFFER_SIZE : value;
}

function positive(name: string, value: number): number {
  if (value !== Infinity && !(Number.isSafeInteger(value) && value > 0)) {
    throw new RangeError(
      `Cannot use ${name} ${
        shown(value)
      }: it must be a positive number of bytes, or Infinity for none`,
    );
  }
  return value;
}
