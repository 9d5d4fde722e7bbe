import type { Listener, ListenOptions } from "../../transport/listener.ts";
import type { DenoServeInfo } from "./types.ts";

/** What a server of `Deno.serve` is made with. */
export interface DenoListenOptions extends ListenOptions {
  /** Answers every request. */
  readonly fetch: (
    request: Request,
    info: DenoServeInfo,
  ) => Response | Promise<Response>;
}

/**
 * Listens with `Deno.serve`.
 *
 * @throws {Error} If the address cannot be listened on
 */
export function listenOnDeno(options: DenoListenOptions): Listener {
  const { port, hostname, tls, fetch, onError } = options;
  const server = Deno.serve(
    {
      port,
      hostname,
      ...tls,
      onListen: () => {},
      onError: (error) => {
        onError(error);
        return new Response("Internal Server Error\n", { status: 500 });
      },
    },
    (request, info) => fetch(request, info),
  );
  return {
    addr: {
      transport: "tcp",
      hostname: server.addr.hostname,
      port: server.addr.port,
    },
    stopEndsConns: true,
    stop: () => server.shutdown(),
    cut: () => {},
  };
}
