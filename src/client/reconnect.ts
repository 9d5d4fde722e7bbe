// One function and its options; their documentation has it past 300 lines.

import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { nextTurn } from "../base/turns.ts";
import { logError } from "../base/log_error.ts";
import { isInstance, settled, textProperty } from "../base/user_values.ts";
import { CloseError, type CloseInfo } from "../close.ts";
import { type Conn, insideOf } from "../conn/conn.ts";
import { milliseconds } from "../conn/options.ts";
import { handled, onAbort } from "../conn/promises.ts";
import { CloseSentError } from "../errors.ts";
import { untilAborted } from "./abortable.ts";
import { proxyFromEnvironment } from "./choose_proxy.ts";
import { Dialer, type DialOptions, type DialResult } from "./dialer.ts";
import { backoffDelay, comesBack, passes, retryAfter } from "./retry_rules.ts";

/** How long {@linkcode reconnect} waits between its dials. */
export interface BackoffOptions {
  /**
   * Milliseconds that the first wait may take; each later one may take twice as
   * long.
   *
   * @default {1_000}
   */
  readonly initial?: number;
  /**
   * Milliseconds that a wait may take at most. A connection that has held for as
   * long makes the next wait a first one again.
   *
   * @default {30_000}
   */
  readonly max?: number;
}

/** What {@linkcode reconnect} is doing. */
export type ReconnectState =
  | {
    /** A connection is being made. */
    readonly state: "connecting";
    /** Which dial it is: 1 at first, and again once a connection has held. */
    readonly attempt: number;
  }
  | {
    /** There is a connection, and the body is about to be called. */
    readonly state: "open";
    /** Which dial has made it. */
    readonly attempt: number;
    /** The connection. */
    readonly conn: Conn;
  }
  | {
    /** The next dial is waited for. */
    readonly state: "waiting";
    /** Which dial has failed, or has made the connection that is over. */
    readonly attempt: number;
    /** Milliseconds until the next dial. */
    readonly delay: number;
    /** Why there is no connection: what the dial failed with, or a `CloseError`. */
    readonly error: unknown;
  }
  | {
    /** It is over: no more is dialed. */
    readonly state: "stopped";
  };

/** Options of {@linkcode reconnect}. */
export interface ReconnectOptions {
  /**
   * What dials: a `Dialer`, or any object with a `dial()`, which may add a fresh
   * header to each. Default: a `Dialer` with `keepAlive`, so that a server that has
   * vanished is noticed, and with the environment's proxy.
   */
  readonly dialer?: {
    dial(url: string | URL, options?: DialOptions): Promise<
      Pick<DialResult, "conn">
    >;
  };
  /** How long is waited between dials. Default: up to 1 second, then up to 30. */
  readonly backoff?: BackoffOptions;
  /**
   * Whether to dial again: after a dial that failed with the error, after a function
   * of the URL that threw it, or after a connection that ended with the
   * `CloseError`. `undefined` leaves it to the rules. Default: the rules.
   *
   * @param error What the dial failed with, or how the connection ended
   * @param attempt Which dial it was
   */
  readonly retry?: (
    error: unknown,
    attempt: number,
  ) => boolean | undefined | Promise<boolean | undefined>;
  /**
   * Stops it, whatever it does: a connection is closed with code 1000, and the
   * promise rejects with the signal's reason. Default: none.
   */
  readonly signal?: AbortSignal;
  /**
   * Is told of what it does, and waited for. What it throws stops it. Default:
   * nobody is.
   */
  readonly onState?: (state: ReconnectState) => void | Promise<void>;
}

const RECONNECT_OPTIONS: OptionsOf<ReconnectOptions> = declareOptions({
  what: "reconnect()",
  use: "reconnect(url, body, { … })",
  names: {
    dialer: true,
    backoff: true,
    retry: true,
    signal: true,
    onState: true,
  },
  within: { backoff: { initial: true, max: true } },
});

const BACKOFF_OPTIONS: OptionsOf<BackoffOptions> = {
  what: "backoff",
  use: "backoff: { … }",
  names: { initial: true, max: true },
};

/**
 * Keeps a client connected: dials, gives the connection to the body, and dials again
 * when it is lost.
 *
 * The connection's own end, a `CloseError` that a read or a write of it throws or a
 * timeout of its keepalive, is the normal end of the body. A body that returns while
 * the connection is open closes it with code 1000, and that was it; anything else
 * that it throws closes it with 1011, and rejects. The body has to end with its
 * connection, as a loop over its messages does.
 *
 * It dials again after the close codes 1001, 1005, 1006 and 1011 to 1014, and after
 * dials that fail for what may pass: no server, no answer, a redirect, a status of
 * 5xx, 408 or 429. It stops at 1000, 1002, 1003, 1007 to 1010 and 3000 to 4999, at any
 * other 4xx, at a certificate that is not valid, and where the URL or a header is
 * wrong. What the function of the URL throws is judged alike: a `TimeoutError` passes,
 * but the `TypeError` of a `fetch()` that finds no server stops it. `retry` overrides
 * either.
 *
 * Each wait is a random part of its bound ("full jitter"), which doubles from
 * `backoff.initial` to `backoff.max`. A Retry-After is waited for as well, as far as
 * it is not over `backoff.max`. By the defaults, 1,000 clients that lose their server
 * at once dial 1,270 times in the first second, 300 times in the fourth, and eight
 * times each in the first minute; when the server is back after that, no second sees
 * more than 80 of them, and the last comes within 30 seconds.
 *
 * It is no queue: what was sent and got lost is the application's to send again.
 *
 * @param url The URL, or a function that gives one for each dial, with a fresh token
 * in it, say; its argument is which dial it is: 1 at first, and again once a
 * connection has held
 * @param body What is done with each connection
 * @param options The dialer, the waits, the rules and a signal
 * @returns How the last connection ended, when that is a reason to stop
 * @throws {BadHandshakeError} If the server has refused the handshake for good
 * @throws {DialError} If the server's certificate is not valid
 * @throws {TypeError} If the URL or an option is malformed, or an option is unknown
 * @throws {RangeError} If a time is out of range
 * @throws {Error} What the body, the function of the URL or one of the options throws, or
 * the signal's reason
 *
 * @example A client that comes back
 * ```ts
 * import { reconnect, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * let visits = 0;
 * await using server = await serve(async (conn) => {
 *   await conn.send(`visit ${++visits}`);
 *   await conn.close(visits < 3 ? 1012 : 1000); // a restart, twice
 * }, { port: 0 });
 *
 * const seen: unknown[] = [];
 * const info = await reconnect(`ws://127.0.0.1:${server.addr.port}`, async (conn) => {
 *   for await (const { data } of conn) seen.push(data);
 * }, { backoff: { initial: 10 } });
 * assertEquals(seen, ["visit 1", "visit 2", "visit 3"]);
 * assertEquals(info.code, 1000);
 * ```
 *
 * @example A fresh token for each dial
 * ```ts
 * import { defaultDialer, type DialOptions, reconnect, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const tokens: unknown[] = [];
 * await using server = await serve(async (conn) => {
 *   await conn.close(1001);
 * }, {
 *   port: 0,
 *   upgrader: {
 *     authorize: ({ headers }) => {
 *       tokens.push(headers.get("authorization"));
 *       return tokens.length < 3 ? undefined : new Response(null, { status: 401 });
 *     },
 *   },
 * });
 *
 * let count = 0;
 * const dialer = {
 *   dial: (url: string | URL, options?: DialOptions) =>
 *     defaultDialer.dial(url, {
 *       ...options,
 *       headers: { Authorization: `Bearer ${++count}` },
 *     }),
 * };
 * const url = `ws://127.0.0.1:${server.addr.port}`;
 * await reconnect(url, (conn) => conn.closed.then(() => {}), {
 *   dialer,
 *   backoff: { initial: 10 },
 * }).catch((error) => assertEquals(error.response.status, 401));
 * assertEquals(tokens, ["Bearer 1", "Bearer 2", "Bearer 3"]);
 * ```
 */
export async function reconnect(
  url:
    | string
    | URL
    | ((attempt: number) => string | URL | Promise<string | URL>),
  body: (conn: Conn) => void | Promise<void>,
  options?: ReconnectOptions,
): Promise<CloseInfo> {
  const plan = planOf(body, options);
  let info: CloseInfo;
  try {
    info = await connectUntilDone(url, body, plan);
  } catch (error) {
    // What has stopped it is the reason; what the callback throws comes second.
    await tell(plan, { state: "stopped" }).catch(logError);
    throw error;
  }
  await tell(plan, { state: "stopped" });
  return info;
}

async function connectUntilDone(
  url: Parameters<typeof reconnect>[0],
  body: (conn: Conn) => void | Promise<void>,
  plan: Plan,
): Promise<CloseInfo> {
  const { signal } = plan;
  for (let attempt = 1;;) {
    signal?.throwIfAborted();
    const { error, info, held, done } = await connectOnce(
      url,
      attempt,
      body,
      plan,
    );
    if (done) return info;
    signal?.throwIfAborted();
    const rule = info === undefined ? passes(error) : comesBack(info);
    const again = await unlessAborted(
      (async () => await plan.retry?.(error, attempt))(),
      signal,
    ) ?? rule;
    if (!again) {
      if (info === undefined) throw error;
      return info;
    }
    signal?.throwIfAborted();
    const nth = held ? 1 : attempt;
    const delay = Math.round(
      retryAfter(error, plan.max) +
        backoffDelay(nth, plan.initial, plan.max, Math.random()),
    );
    await tell(plan, { state: "waiting", attempt, delay, error });
    signal?.throwIfAborted();
    await wait(delay, signal);
    attempt = held ? 1 : attempt + 1;
  }
}

/** Tells of a state; rejects with what the callback throws, or when aborted. */
async function tell(
  { onState, signal }: Plan,
  state: ReconnectState,
): Promise<void> {
  const told: unknown = onState(state);
  if (told === undefined) return;
  const waiting = settled(told);
  // A signal that has stopped it is no reason not to hear the last one out.
  await (state.state === "stopped" ? waiting : unlessAborted(waiting, signal));
}

/** The options, checked. */
interface Plan {
  readonly dialer: NonNullable<ReconnectOptions["dialer"]>;
  readonly initial: number;
  readonly max: number;
  readonly retry: ReconnectOptions["retry"];
  readonly signal: AbortSignal | undefined;
  readonly onState: NonNullable<ReconnectOptions["onState"]>;
}

function planOf(body: unknown, options: ReconnectOptions | undefined): Plan {
  if (typeof body !== "function") {
    throw new TypeError(
      `Cannot reconnect with a body of type ${typeof body}: it must be a function`,
    );
  }
  const { dialer, backoff, retry, signal, onState = () => {} } = readOptions(
    options,
    RECONNECT_OPTIONS,
  );
  if (dialer !== undefined && typeof dialer?.dial !== "function") {
    throw new TypeError(
      "Cannot use option dialer: it must have the method dial",
    );
  }
  for (const [name, value] of Object.entries({ retry, onState })) {
    if (value !== undefined && typeof value !== "function") {
      throw new TypeError(`Cannot use option ${name}: it must be a function`);
    }
  }
  const { initial = 1_000, max = 30_000 } = readOptions(
    backoff,
    BACKOFF_OPTIONS,
  );
  return {
    dialer: dialer ?? ownDialer(),
    initial: milliseconds("backoff.initial", initial),
    max: milliseconds("backoff.max", max),
    retry,
    signal,
    onState,
  };
}

let own: Dialer | undefined;

function ownDialer(): Dialer {
  return own ??= new Dialer({ proxy: proxyFromEnvironment, keepAlive: {} });
}

/** How a connection came to its end. */
interface End {
  readonly info: CloseInfo;
  /** Whether the body has returned while it was open. */
  readonly done: boolean;
}

/** How a dial, or the connection that it made, came to its end. */
type Outcome = (End | { readonly info?: undefined; readonly done: false }) & {
  readonly error: unknown;
  /** Whether the connection held for long enough. */
  readonly held: boolean;
};

async function connectOnce(
  url: Parameters<typeof reconnect>[0],
  attempt: number,
  body: (conn: Conn) => void | Promise<void>,
  plan: Plan,
): Promise<Outcome> {
  const { dialer, max, signal } = plan;
  await tell(plan, { state: "connecting", attempt });
  let conn: Conn;
  try {
    const target = typeof url === "function"
      ? await unlessAborted((async () => await url(attempt))(), signal)
      : url;
    conn = await dialBy(dialer, target, signal);
  } catch (error) {
    return { error, held: false, done: false };
  }
  const since = performance.now();
  try {
    signal?.throwIfAborted();
    await tell(plan, { state: "open", attempt, conn });
    signal?.throwIfAborted();
  } catch (error) {
    conn.terminate();
    throw error;
  }
  const end = await use(conn, body, signal);
  const { code, reason, cause } = end.info;
  return {
    ...end,
    error: new CloseError(code, reason, { cause }),
    held: performance.now() - since >= max,
  };
}

async function dialBy(
  dialer: Plan["dialer"],
  url: string | URL,
  signal: AbortSignal | undefined,
): Promise<Conn> {
  const options = signal === undefined ? {} : { signal };
  const dialing = (async () => (await dialer.dial(url, options)).conn)();
  try {
    return await unlessAborted(dialing, signal);
  } catch (error) {
    // One that ignores the signal may come late.
    dialing.then((conn) => conn.terminate(), () => {});
    throw error;
  }
}

function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  return signal === undefined ? promise : untilAborted(promise, signal);
}

/** Gives a connection to the body; how it ended, when the body has. */
async function use(
  conn: Conn,
  body: (conn: Conn) => void | Promise<void>,
  signal: AbortSignal | undefined,
): Promise<End> {
  const aborted = Promise.withResolvers<never>();
  handled(aborted.promise);
  const abort = (reason: unknown) => {
    // A body that does not end with its connection is not waited for.
    conn.close().then(() => nextTurn()).then(() => aborted.reject(reason));
  };
  const unlisten = onAbort(signal, abort);
  const running = handled((async () => await body(conn))());
  try {
    await Promise.race([running, aborted.promise]);
  } catch (error) {
    const over = conn.state === "open"
      ? conn.close(signal?.aborted ? 1000 : 1011)
      : conn.closed;
    const info = await over;
    signal?.throwIfAborted();
    if (!isOwnEnd(conn, info, error)) throw error;
    return { info, done: false };
  } finally {
    unlisten();
  }
  const done = conn.state === "open";
  return { info: await (done ? conn.close() : conn.closed), done };
}

/** Whether what the body threw says nothing but that its connection is over. */
function isOwnEnd(conn: Conn, info: CloseInfo, error: unknown): boolean {
  if (insideOf(conn)?.ending.isEnd(error)) return true;
  if (isInstance(error, CloseError)) {
    return error.code === info.code && error.reason === info.reason;
  }
  if (isInstance(error, CloseSentError)) return info.initiator === "remote";
  return error === info.cause && textProperty(error, "name") === "TimeoutError";
}

function wait(
  delay: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    unlisten();
    resolve();
  }, delay);
  const unlisten = onAbort(signal, (reason) => {
    clearTimeout(timer);
    reject(reason);
  });
  return promise;
}
