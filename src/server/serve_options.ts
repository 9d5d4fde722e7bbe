import type { Conn } from "../conn/conn.ts";
import type { TLSCertificate } from "../transport/listener.ts";
import type { FetchInfo } from "../transport/fetch_info.ts";
import type { Addr, Engine } from "../transport/transport.ts";
import type { OnRefused } from "./refusals.ts";
import type { OnError } from "./run_handler.ts";
import type { ShutdownOptions } from "./shutdown_options.ts";
import type { Upgrader } from "./upgrader.ts";
import { declareOptions, type OptionsOf } from "../base/options.ts";
import { UPGRADER_OPTIONS, type UpgraderOptions } from "./upgrader_options.ts";

/**
 * Options of {@linkcode serve}.
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over
 */
export interface ServeOptions<Data = unknown> {
  /**
   * The port, 0 to 65535. With 0 the system picks a free one; `server.addr` has
   * it.
   *
   * @default {8000}
   */
  readonly port?: number;
  /**
   * The host name or IP address to listen on. Of a name that has several
   * addresses, it is the first.
   *
   * @default {"0.0.0.0"}
   */
  readonly hostname?: string;
  /**
   * The path of the WebSocket endpoint, without a query; an upgrade at another
   * path is answered with 404. Not beside routes, which have paths of their own.
   * Default: any path.
   */
  readonly path?: string;
  /**
   * What carries the connections: `"wire"` is our own engine, on every runtime,
   * `"native"` the runtime's own WebSocket, on Deno and Bun.
   *
   * @default {"wire"}
   */
  readonly engine?: Engine;
  /**
   * An Upgrader, or the options for one: who may connect, limits and timeouts.
   *
   * @default {new Upgrader()}
   */
  readonly upgrader?: Upgrader<Data> | UpgraderOptions<Data>;
  /**
   * Answers the requests that do not ask for WebSocket. Bodies are streamed
   * both ways, and `request.signal` is aborted when the client disconnects. If
   * it throws, the answer is 500, without detail. Default: 426 Upgrade
   * Required.
   *
   * @param request The request
   * @param info Where it came from: the second argument of the runtime on the
   * native engine, and on the wire engine an object like it
   * @returns The answer
   */
  fetch?(request: Request, info: FetchInfo): Response | Promise<Response>;
  /**
   * The largest number of TCP connections, upgraded or not, on the wire engine.
   * One too many is closed at once, without an answer; `onError` is called for
   * it at most once a second. Native engines do not show TCP connections and throw an
   * `UnsupportedError`. `Infinity` is no limit; 0 is a `RangeError`.
   *
   * Bun reports a connection once its first byte has come, and over TLS once
   * its handshake is done: those that are silent before that, or stall, are not
   * counted there, and each is an open file until Bun ends it, over TLS after 12
   * seconds. Let a proxy that bounds them speak TLS in front of it, or bound
   * the connections of an address in the firewall.
   *
   * Set it to the process's limit of open files, `ulimit -n`, less what else is
   * open and a margin of 200. Without it, when files run out, Deno's
   * `node:http` accepts nothing more or ends the process, and Bun's uses a
   * whole CPU.
   *
   * @default {Infinity}
   */
  readonly maxConns?: number;
  /** Serves `https:` and `wss:`. Default: `http:` and `ws:`. */
  readonly tls?: TLSCertificate;
  /**
   * Shuts the server down when aborted; see {@linkcode Server.shutdown}.
   * Default: none.
   */
  readonly signal?: AbortSignal;
  /**
   * Called with the address once the server listens. If it throws, the server
   * is shut down. Default: none.
   */
  readonly onListen?: (addr: Server["addr"]) => void;
  /**
   * Called with what the connections' handler threw and its connection; and,
   * without a connection, with what `fetch`, `onRefused` and the Upgrader's
   * callbacks threw, with what the promise of `onListen` rejected with, for
   * connections beyond `maxConns`, and when the engine has stopped by itself,
   * as Deno's native one does when files run out: the server then shuts down.
   *
   * @default {console.error}
   */
  readonly onError?: OnError;
  /**
   * Called for each upgrade that is refused, with the reason; also for one at
   * another path, and for one that comes while the server shuts down. Default:
   * nothing.
   */
  readonly onRefused?: OnRefused;
}

/** The options in `tls` of {@linkcode serve}. */
export const TLS_CERTIFICATE: OptionsOf<TLSCertificate> = {
  what: "tls of serve()",
  use: "serve(onConn, { tls: { … } })",
  names: { cert: true, key: true },
};

/** The options of {@linkcode serve}. */
export const SERVE_OPTIONS: OptionsOf<ServeOptions> = declareOptions({
  what: "serve()",
  use: "serve(onConn, { … })",
  names: {
    port: true,
    hostname: true,
    path: true,
    engine: true,
    maxConns: true,
    upgrader: true,
    fetch: true,
    tls: true,
    signal: true,
    onListen: true,
    onError: true,
    onRefused: true,
  },
  within: { upgrader: UPGRADER_OPTIONS.names, tls: TLS_CERTIFICATE.names },
});

/**
 * A WebSocket server that listens; made by {@linkcode serve}.
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over
 */
export interface Server<Data = unknown> extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Addr & { readonly transport: "tcp" };
  /**
   * The connections that are open now: the server's share of what its Upgrader
   * has made.
   */
  readonly conns: ReadonlySet<Conn<Data>>;
  /** Fulfils when the server has been shut down, or has stopped by itself. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting connections, answers 503 to upgrades whose callbacks are
   * still at work, closes every open connection, with code 1001 by default,
   * waits for the closing handshakes, and cuts what is left. Later calls wait
   * for the first.
   *
   * @param options Code, reason and time
   * @throws {RangeError} If the code is not a close code, or the timeout is out
   * of range
   * @throws {TypeError} If an option is unknown
   *
   * @example In place of the defaults
   * ```ts
   * import { dial, serve } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const server = await serve((conn) => conn.send("Welcome"), { port: 0 });
   * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
   *
   * const reason = "back in a minute";
   * server.shutdown({ code: 1012, reason, timeout: 1_000 });
   * const { wasClean } = await conn.closed;
   * assertEquals(wasClean, true);
   * await server.finished;
   * ```
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Shuts down with the defaults. */
  [Symbol.asyncDispose](): Promise<void>;
}
