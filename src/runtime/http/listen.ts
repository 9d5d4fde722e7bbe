import http, { type Server, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";

import { isInstance } from "../../base/user_values.ts";
import type { FetchInfo } from "../../transport/fetch_info.ts";
import type { Listener, ListenOptions } from "../../transport/listener.ts";
import { abortQuietly } from "../abort.ts";
import { fetchInfo } from "./fetch_info.ts";
import { HttpConn } from "./http_conn.ts";
import { skipBody, toRequest } from "./node_request.ts";
import {
  refuseClient,
  refuseRequest,
  sendResponse,
  type Taking,
} from "./node_response.ts";
import { allowEmptyWrites, cut, socketBelowTLS } from "../quirks/tls_flow.ts";
import type { Duplex, IncomingMessage } from "../sockets/types.ts";

/** What a server of node:http needs. */
export interface NodeListenOptions extends ListenOptions {
  /**
   * Milliseconds in which the head of a request must arrive, and in which a
   * peer must take a part of an answer.
   */
  readonly headTimeout: number;
  /** The most connections, upgraded or not; `Infinity` for any number. */
  readonly maxConns: number;
  /**
   * Whether the Upgrade header's value asks for an upgrade; `fetch` answers
   * others.
   */
  readonly isUpgrade: (header: string) => boolean;
  /** Answers requests that are not upgrades. */
  readonly fetch: (
    request: Request,
    info: FetchInfo,
  ) => Response | Promise<Response>;
  /** Takes an upgrade request. */
  readonly upgrade: (
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ) => void;
}

// How often to check for connections that have sent no head.
const CHECKS_PER_TIMEOUT = 4;
const MAX_CHECK_INTERVAL = 5_000;

// The most requests of one connection that wait for their answers. All that has
// come is parsed at once, and each request costs a hundred times its bytes.
const MAX_PIPELINED = 64;

// Milliseconds between two reports of too many connections.
const TELL_INTERVAL = 1000;

// How much longer than its head a whole request may take: by default 300
// seconds, as in node.
const REQUEST_PER_HEAD = 30;

/**
 * Listens with node:http or node:https, and gives each request to `fetch` or to
 * `upgrade`.
 *
 * @throws {Error} Rejects if it cannot listen on the address
 */
export async function listenOnNode(
  options: NodeListenOptions,
): Promise<Listener> {
  const { headTimeout, hostname, maxConns, onError, port } = options;
  const server = makeServer(options);
  const carriers = new Set<Duplex>(); // TCP connections, with TLS or without
  const silent = new Set<Duplex>(); // those whose TLS handshake is under way
  const speaking = new Map<Duplex, HttpConn>(); // those not upgraded
  const tellFull = fullTeller(maxConns, onError);
  const stopped = Promise.withResolvers<void>();
  let stopping = false;

  // One listener for all: 54 bytes less of an idle connection on V8, 32 on JSC.
  function forget(this: Duplex): void {
    carriers.delete(this);
    silent.delete(this);
    const answers = speaking.get(this)?.leave() ?? [];
    speaking.delete(this);
    // Node and Deno emit no `close` for an answer that waits for another.
    for (const target of answers) target.emit("close");
  }
  // Beyond this limit the runtime drops connections at the least cost, but Deno
  // emits no event for it. So we allow one more, which we drop and report
  // ourselves, before TLS and HTTP begin.
  if (maxConns !== Infinity) server.maxConnections = maxConns + 1;
  server.on("drop", tellFull);
  const secure = options.tls !== undefined;
  server.prependListener("connection", (socket) => {
    // The system accepted it before we stopped, but we hear of it only now.
    if (stopping) return cut(socket);
    if (carriers.size >= maxConns) {
      cut(socket);
      return tellFull();
    }
    carriers.add(socket);
    if (secure) silent.add(socket);
    socket.on("close", forget);
  });
  server.on(secure ? "secureConnection" : "connection", (socket: Duplex) => {
    if (socket.destroyed) return;
    if (secure) {
      silent.delete(socketBelowTLS(socket));
      allowEmptyWrites(socket);
    }
    speaking.set(socket, new HttpConn(socket, headTimeout));
    if (secure) socket.on("close", forget);
  });
  async function take(
    message: IncomingMessage,
    target: ServerResponse,
    respond: Responder,
  ): Promise<void> {
    const { socket } = message;
    const conn = speaking.get(socket);
    if (conn === undefined || conn.due === MAX_PIPELINED) {
      cut(socket);
      return;
    }
    conn.asked(target);
    target.on("close", () => {
      conn.answered(target);
      if (stopping && conn.due === 0) socket.destroySoon();
    });
    // Deno's parser ignores what follows an upgrade request.
    const last = stopping || message.headers.upgrade !== undefined;
    if (last) target.setHeader("Connection", "close");
    await respond(message, target, {
      offered: () => conn.offered(target),
      taken: () => conn.taken(target),
    });
    conn.offered(target);
  }
  server.on("request", (message, target) => {
    take(message, target, (...args) => answer(...args, options));
  });
  // By default, Node, Deno and Bun answer it themselves, uncounted.
  server.on("checkExpectation", (message, target) => {
    take(message, target, refuseExpectation);
  });
  server.on("upgrade", (message, socket, head) => {
    const conn = speaking.get(socket);
    // An answer that came after the 101 would be taken for frames. If only one
    // is due, `upgrade` checks itself whether it has been given.
    if (conn !== undefined && conn.due > 1) return cut(socket);
    conn?.leave();
    speaking.delete(socket);
    options.upgrade(message, socket, head);
  });
  server.on("clientError", (error, socket) => {
    // In the middle of an answer, another one would be taken for a part of it.
    if (speaking.get(socket)?.due === 0) refuseClient(error, socket);
    else cut(socket);
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // Accepting failed, for example with too many open files; the server goes on.
  server.on("error", onError);
  return {
    addr: addrOf(server),
    stopEndsConns: false,
    stop: () => {
      stopping = true;
      server.close(() => stopped.resolve());
      for (const socket of silent) cut(socket);
      for (const [socket, { due }] of speaking) {
        if (due === 0) cut(socket);
      }
      return stopped.promise;
    },
    // Bun waits as well for handshakes of TLS, whose sockets it does not show.
    cut: () => {
      for (const socket of carriers) cut(socket);
      stopped.resolve();
    },
  };
}

function makeServer(options: NodeListenOptions): Server {
  const { tls, isUpgrade } = options;
  const headTimeout = Math.ceil(options.headTimeout);
  const http1 = {
    headersTimeout: headTimeout,
    requestTimeout: REQUEST_PER_HEAD * headTimeout,
    connectionsCheckingInterval: Math.min(
      Math.ceil(headTimeout / CHECKS_PER_TIMEOUT),
      MAX_CHECK_INTERVAL,
    ),
    // Node before 24.9 does not know this option: there, every upgrade request
    // comes as an upgrade event, even one for HTTP/2.
    shouldUpgradeCallback: ({ headers }: IncomingMessage): boolean =>
      isUpgrade(headers.upgrade ?? ""),
  };
  if (tls === undefined) return http.createServer(http1);
  // RFC 6455 needs HTTP/1.1, so nothing else is offered.
  const https1 = { ...http1, ...tls, ALPNProtocols: ["http/1.1"] };
  return https.createServer({ ...https1, handshakeTimeout: headTimeout });
}

/** Reports too many connections, at most once a second. */
function fullTeller(
  maxConns: number,
  onError: ListenOptions["onError"],
): () => void {
  let told = -Infinity;
  return () => {
    const now = performance.now();
    if (now - told < TELL_INTERVAL) return;
    told = now;
    onError(
      new Error(
        `Cannot take connection: ${maxConns} are open, as many as maxConns allows`,
      ),
    );
  };
}

/** Answers a request; may reject. */
type Responder = (
  message: IncomingMessage,
  target: ServerResponse,
  taking: Taking,
) => void | Promise<void>;

function refuseExpectation(
  message: IncomingMessage,
  target: ServerResponse,
): void {
  refuseRequest(target, 417, "Expectation Failed");
  skipBody(message);
}

async function answer(
  message: IncomingMessage,
  target: ServerResponse,
  taking: Taking,
  options: NodeListenOptions,
): Promise<void> {
  const gone = new AbortController();
  target.on("close", () => {
    if (target.writableFinished) return;
    abortQuietly(gone, undefined, options.onError);
  });
  // A client may disconnect in the middle of its request or of the answer.
  message.on("error", () => {});
  target.on("error", () => {});
  const request = toRequest(message, { body: true, signal: gone.signal });
  if (request === undefined) {
    refuseRequest(target, 400, "Bad Request");
    skipBody(message);
    return;
  }
  try {
    const info = fetchInfo(request, message.socket);
    const response = await options.fetch(request, info);
    if (!isInstance(response, Response)) {
      throw new TypeError("Cannot answer request: fetch returned no Response");
    }
    if (gone.signal.aborted) await response.body?.cancel();
    else await sendResponse(target, response, request.method, taking);
  } catch (error) {
    // Nobody is left to answer.
    if (gone.signal.aborted && !target.headersSent) return;
    options.onError(error);
    if (target.headersSent) cutAnswer(target);
    else refuseRequest(target, 500, "Internal Server Error");
  } finally {
    // The rest of the body, which `fetch` did not read, precedes the next
    // request.
    skipBody(message);
  }
}

/** Cuts a connection in the middle of an answer, once that one's turn comes. */
function cutAnswer(target: ServerResponse): void {
  if (target.socket === null) target.destroy();
  else cut(target.socket);
}

// The server listens on TCP, so its address is neither a path nor null.
function addrOf(server: Server): Listener["addr"] {
  const { address, port } = server.address() as AddressInfo;
  return { transport: "tcp", hostname: address, port };
}
