/** Servers of the native engine, on the runtime that the test runs on. */

import type { Conn } from "../../src/conn/conn.ts";
import type { OnConn } from "../../src/server/run_handler.ts";
import type {
  BunServer,
  BunWebSocketHandler,
} from "../../src/runtime/bun/types.ts";
import type { DenoServeInfo } from "../../src/runtime/deno/types.ts";
import { type HandlerOptions, Upgrader } from "../../src/server/upgrader.ts";
import type { UpgraderOptions } from "../../src/server/upgrader_options.ts";
import { runtime } from "./helper.ts";
import { RawPeer } from "./raw_peer.ts";

/** What the runtime gives beside a request. */
export type Target = DenoServeInfo | BunServer;

/** A server of the runtime. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
}

/** A server that hands out its connections. */
export interface NativeServer extends RunningServer {
  /** `ws://` and the server's address. */
  readonly url: string;
  /** The next connection that has not been handed out. */
  accept(): Promise<Accepted>;
}

/** A connection and its request. */
export interface Accepted {
  readonly conn: Conn;
  readonly request: Request;
}

interface BunRuntime {
  serve(options: unknown): {
    readonly port: number;
    stop(closeActiveConnections: boolean): Promise<void>;
  };
}

/** Starts `Deno.serve` or `Bun.serve` on a free port. */
export function startServer(
  fetch: (
    request: Request,
    target: Target,
  ) => Response | undefined | Promise<Response | undefined>,
  websocket: BunWebSocketHandler | undefined,
): RunningServer {
  if (runtime === "bun") {
    const { Bun } = globalThis as unknown as { Bun: BunRuntime };
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch,
      websocket,
      // Its page of the error would print it.
      error: () => new Response("error\n", { status: 500 }),
    });
    return {
      port: server.port,
      [Symbol.asyncDispose]: () => server.stop(true),
    };
  }
  const server = Deno.serve(
    {
      port: 0,
      hostname: "127.0.0.1",
      onListen: () => {},
      onError: () => new Response("error\n", { status: 500 }),
    },
    fetch as (request: Request, target: Target) => Response,
  );
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Starts a server whose every connection goes to `onConn`. */
export function serveNative(
  onConn: OnConn,
  options: UpgraderOptions & HandlerOptions = {},
): RunningServer {
  const { fetch, onError, ...rest } = options;
  const { fetch: handle, websocket } = new Upgrader(rest).handler(onConn, {
    ...fetch && { fetch },
    ...onError && { onError },
  });
  return startServer(handle, websocket);
}

/**
 * Starts a server that hands out its connections: `accept()` gives them in the
 * order in which they were made. Who disposes the server has ended them before.
 */
export function startNative(options: UpgraderOptions = {}): NativeServer {
  const ready: Accepted[] = [];
  const waiting: ((accepted: Accepted) => void)[] = [];
  const server = serveNative((conn, request) => {
    const resolve = waiting.shift();
    if (resolve === undefined) ready.push({ conn, request });
    else resolve({ conn, request });
  }, options);
  return {
    port: server.port,
    url: `ws://127.0.0.1:${server.port}/`,
    accept() {
      const accepted = ready.shift();
      if (accepted !== undefined) return Promise.resolve(accepted);
      const { promise, resolve } = Promise.withResolvers<Accepted>();
      waiting.push(resolve);
      return promise;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A connection of such a server and its raw client, for as long as the body runs. */
export async function withPair(
  body: (conn: Conn, peer: RawPeer) => Promise<void>,
  options: UpgraderOptions = {},
): Promise<void> {
  await using server = startNative(options);
  const { peer } = await RawPeer.upgrade(server.port);
  using _ = peer;
  const { conn } = await server.accept();
  await body(conn, peer);
  conn.terminate();
}
