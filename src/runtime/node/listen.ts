import http, { type Server, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";

import type { Listener, ListenOptions } from "../../transport/listener.ts";
import { skipBody, toRequest } from "./node_request.ts";
import { refuseRequest, sendResponse } from "./node_response.ts";
import { allowEmptyWrites, cut } from "./tls_flow.ts";
import type { Duplex, IncomingMessage } from "./types.ts";

/** What a server of node:http is made with. */
export interface NodeListenOptions extends ListenOptions {
  /** Milliseconds in which the head of a connection's first request must come. */
  readonly headTimeout: number;
  /** Whether the Upgrade header's value asks for an upgrade; `fetch` answers others. */
  readonly isUpgrade: (header: string) => boolean;
  /** Answers what is no upgrade. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Takes an upgrade request. */
  readonly upgrade: (
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ) => void;
}

// How often connections that have sent no head are looked for.
const CHECKS_PER_TIMEOUT = 4;
const MAX_CHECK_INTERVAL = 5_000;

// Requests of one connection that wait for their answers: all that has come is
// parsed at once, and each costs a hundred times its bytes.
const MAX_PIPELINED = 64;

/**
 * Listens with node:http or node:https, and gives each request to `fetch` or to
 * `upgrade`.
 *
 * @throws {Error} Rejects if the address cannot be listened on
 */
export async function listenOnNode(
  options: NodeListenOptions,
): Promise<Listener> {
  const server = makeServer(options);
  const carriers = new Set<Duplex>(); // what TCP has brought, TLS or not
  // Answers that have not gone out, by HTTP connection.
  const due = new Map<Duplex, Set<ServerResponse>>();
  let stopping = false;

  // One listener for all: an idle connection is to stay small.
  function forget(this: Duplex): void {
    carriers.delete(this);
    const answers = due.get(this) ?? [];
    due.delete(this);
    // Node and Deno tell no answer that waits for another one.
    for (const target of answers) target.emit("close");
  }
  server.on("connection", (socket) => {
    carriers.add(socket);
    socket.on("close", forget);
  });
  const secure = options.tls !== undefined;
  server.on(secure ? "secureConnection" : "connection", (socket: Duplex) => {
    if (secure) allowEmptyWrites(socket);
    due.set(socket, new Set());
    if (secure) socket.on("close", forget);
    // Accepted by the system before the end, told of behind it.
    if (stopping) cut(socket);
  });
  server.on("request", async (message, target) => {
    const { socket } = message;
    const answers = due.get(socket);
    if (answers === undefined || answers.size === MAX_PIPELINED) {
      cut(socket);
      return;
    }
    answers.add(target);
    target.on("close", () => {
      answers.delete(target);
      if (stopping && answers.size === 0) socket.destroySoon();
    });
    if (stopping) target.setHeader("Connection", "close");
    await answer(message, target, options);
  });
  server.on("upgrade", (message, socket, head) => {
    // An answer that comes behind the 101 would be taken for frames. Of a single
    // one, `upgrade` sees itself whether it has been given.
    if ((due.get(socket)?.size ?? 0) > 1) {
      cut(socket);
      return;
    }
    due.delete(socket);
    options.upgrade(message, socket, head);
  });
  server.on("clientError", (error, socket) => {
    // In the midst of an answer another one would be taken for a part of it.
    if (due.get(socket)?.size === 0) refuseClient(error, socket);
    else cut(socket);
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
    addr: addrOf(server),
    stopEndsConns: false,
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        server.close(() => resolve());
        for (const [socket, answers] of due) {
          if (answers.size === 0) cut(socket);
        }
      }),
    cut: () => {
      for (const socket of carriers) cut(socket);
    },
  };
}

function makeServer(options: NodeListenOptions): Server {
  const { tls, headTimeout, isUpgrade } = options;
  const http1 = {
    headersTimeout: headTimeout,
    // A whole request, from its head on; the default, but never the shorter.
    requestTimeout: Math.max(300_000, headTimeout),
    connectionsCheckingInterval: Math.min(
      Math.ceil(headTimeout / CHECKS_PER_TIMEOUT),
      MAX_CHECK_INTERVAL,
    ),
    // Unknown to Node before 24.9: there every request for an upgrade, such as
    // one to HTTP/2, comes as an upgrade.
    shouldUpgradeCallback: ({ headers }: IncomingMessage): boolean =>
      isUpgrade(headers.upgrade ?? ""),
  };
  if (tls === undefined) return http.createServer(http1);
  // RFC 6455 is spoken over HTTP/1.1: nothing else is agreed on.
  const https1 = { ...http1, ...tls, ALPNProtocols: ["http/1.1"] };
  return https.createServer({ ...https1, handshakeTimeout: headTimeout });
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
  if (request === undefined) {
    refuseRequest(target, 400, "Bad Request");
    skipBody(message);
    return;
  }
  try {
    const response = await options.fetch(request);
    if (!(response instanceof Response)) {
      throw new TypeError("Cannot answer request: fetch returned no Response");
    }
    if (gone.signal.aborted) await response.body?.cancel();
    else await sendResponse(target, response, request.method);
  } catch (error) {
    // An answer that has nobody to go to.
    if (gone.signal.aborted && !target.headersSent) return;
    options.onError(error);
    if (target.headersSent) cutAnswer(target);
    else refuseRequest(target, 500, "Internal Server Error");
  } finally {
    // What `fetch` has left of the body stands before the next request.
    skipBody(message);
  }
}

/** Cuts a connection in the midst of an answer, once it is that answer's turn. */
function cutAnswer(target: ServerResponse): void {
  if (target.socket === null) target.destroy();
  else cut(target.socket);
}

/** Answers what is no HTTP, or comes too slowly; then cuts the connection. */
function refuseClient(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable) {
    cut(socket);
    return;
  }
  const status = error.code === "HPE_HEADER_OVERFLOW"
    ? "431 Request Header Fields Too Large"
    : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
    ? "408 Request Timeout"
    : "400 Bad Request";
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\n` +
    "Content-Length: 0\r\n\r\n";
  socket.end(head, () => cut(socket));
}

// It listens on TCP, where the address is neither a path nor null.
function addrOf(server: Server): Listener["addr"] {
  const { address, port } = server.address() as AddressInfo;
  return { transport: "tcp", hostname: address, port };
}
