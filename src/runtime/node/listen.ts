import http, { type Server, type ServerResponse } from "node:http";
import https from "node:https";

import type { Listener, ListenOptions } from "../../transport/listener.ts";
import type { Addr } from "../../transport/transport.ts";
import { toRequest } from "./node_request.ts";
import { sendResponse } from "./node_response.ts";
import type { Duplex, IncomingMessage } from "./types.ts";

/** What a server of node:http is made with. */
export interface NodeListenOptions extends ListenOptions {
  /** Answers what is no upgrade. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Takes an upgrade request. */
  readonly upgrade: (
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ) => void;
}

/**
 * Listens with node:http or node:https, and gives each request to `fetch` or to
 * `upgrade`.
 *
 * @throws {Error} Rejects if the address cannot be listened on
 */
export async function listenOnNode(
  options: NodeListenOptions,
): Promise<Listener> {
  const server: Server = options.tls === undefined
    ? http.createServer()
    : https.createServer({ ...options.tls, ALPNProtocols: ["http/1.1"] });
  server.on("request", (message, response) => {
    answer(message, response, options);
  });
  server.on("upgrade", options.upgrade);
  server.on("clientError", (_error, socket) => {
    if (socket.writable) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    } else {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // An error of accepting, such as too many open files: the server goes on.
  server.on("error", options.onError);
  return {
    addr: addrOf(server, options.hostname),
    stopEndsConns: false,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    cut: () => server.closeAllConnections(),
  };
}

async function answer(
  message: IncomingMessage,
  target: ServerResponse,
  options: NodeListenOptions,
): Promise<void> {
  const gone = new AbortController();
  target.on("close", () => {
    if (!target.writableFinished) gone.abort();
  });
  // A client that goes in the middle of its request or of the answer.
  message.on("error", () => {});
  target.on("error", () => {});
  const request = toRequest(message, { body: true, signal: gone.signal });
  if (request === undefined) return refuse(target, 400, "Bad Request");
  try {
    const response = await options.fetch(request);
    if (!(response instanceof Response)) {
      throw new TypeError("Cannot answer request: fetch returned no Response");
    }
    await sendResponse(target, response, request.method);
  } catch (error) {
    if (gone.signal.aborted) return;
    report(error, options.onError);
    if (target.headersSent) target.destroy();
    else refuse(target, 500, "Internal Server Error");
  }
}

function refuse(target: ServerResponse, status: number, text: string): void {
  for (const name of target.getHeaderNames()) target.removeHeader(name);
  target.statusCode = status;
  target.statusMessage = text;
  target.setHeader("Content-Type", "text/plain; charset=utf-8");
  target.end(`${text}\n`);
}

function report(error: unknown, onError: (error: unknown) => void): void {
  try {
    onError(error);
  } catch {
    // What the user's handler throws must not stop the server.
  }
}

function addrOf(server: Server, hostname: string): Addr {
  const address = server.address();
  if (address === null || typeof address === "string") {
    return { transport: "unix", path: address ?? hostname };
  }
  return { transport: "tcp", hostname: address.address, port: address.port };
}
