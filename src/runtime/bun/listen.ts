import type { Listener, ListenOptions } from "../../transport/listener.ts";
import { isInstance } from "../../base/user_values.ts";
import type { BunServer, BunWebSocketHandler } from "./types.ts";

/** What a server of `Bun.serve` needs. */
export interface BunListenOptions extends ListenOptions {
  /** Answers every request; after an upgrade the answer is ignored. */
  readonly fetch: (
    request: Request,
    server: BunServer,
  ) => Response | Promise<Response>;
  /** The handlers of the connections. */
  readonly websocket: BunWebSocketHandler;
}

// What we use of Bun's own types, which are not available everywhere.
interface RunningServer {
  readonly hostname: string;
  readonly port: number;
  stop(closeConnections?: boolean): Promise<void>;
}

/**
 * Listens with `Bun.serve`.
 *
 * @throws {Error} If it cannot listen on the address
 */
export function listenOnBun(options: BunListenOptions): Listener {
  const { port, hostname, tls, fetch, websocket, onError } = options;
  const { Bun } = globalThis as unknown as {
    Bun: { serve(options: unknown): RunningServer };
  };
  const server = Bun.serve({
    port,
    hostname,
    ...(tls === undefined ? {} : { tls }),
    fetch: async (request: Request, server: BunServer) => {
      const response = await fetch(request, server);
      if (isInstance(response, Response)) return response;
      // Bun would only print this to the console.
      throw new TypeError("Cannot answer request: fetch returned no Response");
    },
    websocket,
    error: (error: unknown) => {
      onError(error);
      return new Response("Internal Server Error\n", { status: 500 });
    },
  });
  return {
    addr: { transport: "tcp", hostname: server.hostname, port: server.port },
    stopEndsConns: false,
    stop: () => server.stop(false),
    cut: () => {
      server.stop(true);
    },
  };
}
