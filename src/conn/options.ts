import type { BufferPool } from "../transport/byte_stream.ts";

/** When a silent peer is asked for a sign of life, and when it is given up. */
export interface KeepAliveOptions {
  /**
   * Milliseconds without anything received after which a ping is sent.
   *
   * @default {30_000}
   */
  readonly interval?: number;
  /**
   * Milliseconds after the ping without anything received after which the
   * connection is failed with a `TimeoutError`.
   *
   * @default {30_000}
   */
  readonly timeout?: number;
}

/** The limits and times of a connection, of servers and clients alike. */
export interface ConnOptions {
  /**
   * Bytes that are read ahead, while nobody reads, before the peer is stopped;
   * 0 is the default. It never limits the size of a message. Native engines
   * have buffers of their own.
   *
   * @default {65_536}
   */
  readonly readBufferSize?: number;
  /**
   * Bytes that are gathered before a write goes out, and the size of the
   * fragments that `nextWriter` sends; 0 is the default. It never limits the
   * size of a message. Native engines have buffers of their own.
   *
   * @default {65_536}
   */
  readonly writeBufferSize?: number;
  /**
   * Where write buffers come from (gorilla's `WriteBufferPool`). Default: a pool
   * that all connections share. Either way, a connection with nothing to send
   * holds no buffer.
   */
  readonly writeBufferPool?: BufferPool;
  /**
   * Bytes of one received message, after inflation, all fragments together
   * (RFC 6455, section 10.4). A larger one fails the connection with code 1009
   * and a `ReadLimitError`, before it is buffered where the engine can.
   * `Infinity` is no limit; 0 is a `RangeError`.
   *
   * @default {16_777_216}
   */
  readonly readLimit?: number;
  /**
   * Pings a peer of which nothing has been heard (RFC 6455, section 5.5.2);
   * `false` never does. Any traffic counts as a sign of life. While nobody reads
   * and the peer has been stopped for it, the clock stands still; the pings go
   * on, as those to a peer that has vanished fail. On the native engine on Deno
   * it is the runtime's `idleTimeout`, of both times together. Default: `{}`,
   * which is 30 and 30 seconds, for servers; `false` for dialers.
   */
  readonly keepAlive?: KeepAliveOptions | false;
  /**
   * Milliseconds that the closing handshake (RFC 6455, section 7.1.2) may take
   * before the connection is cut. Also how long a close handler may think, and
   * how long a writer of `nextWriter` may write nothing while others wait.
   *
   * @default {5_000}
   */
  readonly closeTimeout?: number;
  /**
   * Bytes that wait unsent behind a full write buffer (`writeBufferSize`, at
   * least 64 KiB) after which the connection is failed with a
   * `WriteLimitError`: the peer reads too slowly. A single message may be
   * larger. `Infinity` is no limit; 0 is a `RangeError`.
   *
   * @default {67_108_864}
   */
  readonly writeLimit?: number;
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
}

const DEFAULT_BUFFER_SIZE = 65_536;
const DEFAULT_KEEP_ALIVE = 30_000;

/** Checks the options and fills in the defaults. */
export function connSettings(
  options: ConnOptions,
  side: "server" | "client",
): ConnSettings {
  const keepAlive = options.keepAlive ?? (side === "server" ? {} : false);
  return {
    readBufferSize: size("readBufferSize", options.readBufferSize),
    writeBufferSize: size("writeBufferSize", options.writeBufferSize),
    writeBufferPool: options.writeBufferPool,
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
  };
}

/** Returns the read limit, or throws a RangeError. */
export function checkReadLimit(bytes: number): number {
  return positive("readLimit", bytes);
}

// The longest delay that setTimeout takes: 24 days.
const MAX_TIME = 2 ** 31 - 1;

/** Returns the time in milliseconds, or throws a RangeError. */
export function milliseconds(name: string, value: number): number {
  if (!Number.isFinite(value) || value <= 0) {
    throw new RangeError(
      `Cannot use ${name} ${value}: it must be a positive number of milliseconds`,
    );
  }
  return Math.min(value, MAX_TIME);
}

function size(name: string, value = 0): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot use ${name} ${value}: it must be a number of bytes, or 0 for the default`,
    );
  }
  return value === 0 ? DEFAULT_BUFFER_SIZE : value;
}

function positive(name: string, value: number): number {
  if (value !== Infinity && !(Number.isSafeInteger(value) && value > 0)) {
    throw new RangeError(
      `Cannot use ${name} ${value}: it must be a positive number of bytes, or Infinity for none`,
    );
  }
  return value;
}
