import type { Listener, ListenOptions } from "../../transport/listener.ts";
import type { DenoServeInfo } from "./types.ts";

/** What a server of `Deno.serve` needs. */
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
 * @throws {Error} If it cannot listen on the address
 */
export function listenOnDeno(options: DenoListenOptions): Listener {
  const { port, hostname, tls, fetch, onError, onFailed } = options;
  // Requests without an answer yet, to be answered when the server is cut.
  const pending = new Set<(response: Response) => void>();
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
    (request, info) => {
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      pending.add(resolve);
      answer(fetch, request, info).then(resolve, reject).finally(() =>
        pending.delete(resolve)
      );
      return promise;
    },
  );
  const cutting = Promise.withResolvers<void>();
  let stopping = false;
  // For example because file descriptors ran out: Deno accepts nothing more.
  server.finished.catch((error: unknown) => error).then((error) => {
    if (stopping) return;
    onFailed(
      error ??
        new Error("Cannot accept connections: Deno has closed the listener"),
    );
  });
  return {
    addr: {
      transport: "tcp",
      hostname: server.addr.hostname,
      port: server.addr.port,
    },
    stopEndsConns: true,
    stop: () => {
      stopping = true;
      return Promise.race([server.shutdown(), cutting.promise]);
    },
    // Deno cannot cut a body that is being sent; it goes on.
    cut: () => {
      for (const resolve of pending) resolve(unavailable());
      cutting.resolve();
    },
  };
}

async function answer(
  fetch: DenoListenOptions["fetch"],
  request: Request,
  info: DenoServeInfo,
): Promise<Response> {
  return await fetch(request, info);
}

function unavailable(): Response {
  return new Response("Service Unavailable\n", {
    status: 503,
    headers: { "Retry-After": "5" },
  });
}
