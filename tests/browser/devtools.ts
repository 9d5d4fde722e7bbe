/** Chromium's DevTools protocol, spoken by our own client. */

import type { Conn } from "../../src/conn/conn.ts";
import { Dialer, type DialerOptions } from "../../src/client/dialer.ts";

/** What a command or an event bears; its shape is the protocol's. */
// deno-lint-ignore no-explicit-any -- documented at chromedevtools.github.io
export type Params = Record<string, any>;

/** Hears an event. */
export type Listener = (params: Params) => void;

/** A command that waits for its answer. */
interface Call extends PromiseWithResolvers<Params> {
  readonly method: string;
}

/** A screenshot of a long page is a message of tens of megabytes. */
const READ_LIMIT = 256 * 2 ** 20;
const GONE = "the browser is gone";

/** A connection to the browser; its sessions are told apart by their ids. */
export class DevTools implements AsyncDisposable {
  readonly #conn: Conn;
  readonly #calls: Map<number, Call> = new Map();
  readonly #listeners: Map<string, Set<Listener>> = new Map();
  readonly #over: Promise<void>;
  #lastId = 0;
  #closed = false;

  private constructor(conn: Conn) {
    this.#conn = conn;
    this.#over = this.#read();
  }

  /** Connects to the URL that the browser has told. */
  static async connect(
    url: string,
    options: DialerOptions = {},
  ): Promise<DevTools> {
    const dialer = new Dialer({ readLimit: READ_LIMIT, ...options });
    return new DevTools((await dialer.dial(url)).conn);
  }

  /**
   * Sends a command, to the browser itself or to a session, and waits for the
   * answer.
   *
   * @throws {Error} If the browser refuses, or goes away.
   */
  async call(
    method: string,
    params: Params = {},
    sessionId?: string,
  ): Promise<Params> {
    if (this.#closed) throw new Error(`Cannot call ${method}: ${GONE}`);
    const id = ++this.#lastId;
    const call: Call = { method, ...Promise.withResolvers<Params>() };
    this.#calls.set(id, call);
    await this.#conn.writeJSON({ id, method, params, sessionId });
    return await call.promise;
  }

  /** Listens to an event, of the browser itself or of a session. */
  on(method: string, listener: Listener, sessionId = ""): Disposable {
    const key = `${sessionId} ${method}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  /** The next event that fits. */
  async next(
    method: string,
    sessionId: string | undefined,
    fits: (params: Params) => boolean = () => true,
  ): Promise<Params> {
    const { promise, resolve } = Promise.withResolvers<Params>();
    using _listening = this.on(
      method,
      (params) => fits(params) && resolve(params),
      sessionId,
    );
    return await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#conn.close();
    await this.#over;
  }

  async #read(): Promise<void> {
    try {
      for await (const { data } of this.#conn) {
        this.#take(JSON.parse(String(data)));
      }
    } catch {
      // A browser that ends cuts its connections; who waits is told below.
    }
    this.#closed = true;
    for (const { method, reject } of this.#calls.values()) {
      reject(new Error(`Cannot call ${method}: ${GONE}`));
    }
    this.#calls.clear();
  }

  #take({ id, result, error, method, params, sessionId = "" }: Params): void {
    if (id === undefined) {
      const listeners = this.#listeners.get(`${sessionId} ${method}`) ?? [];
      for (const listener of [...listeners]) listener(params);
      return;
    }
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(result);
    else {call?.reject(
        new Error(`Cannot call ${call.method}: ${error.message}`),
      );}
  }
}
