/**
 * What tests of WebSocket code need: two connections joined in memory, and a
 * peer that sends any bytes. No ports and no mocks: it is the engine that real
 * connections have, on streams in memory.
 *
 * - {@linkcode pipe} gives both ends of a connection; its options cut what is
 *   sent into small chunks and let it take its time.
 * - {@linkcode rawPeer} gives one end, and on the other a {@linkcode RawPeer},
 *   which sends frames as wrong as they are wanted, and expects some.
 * - {@linkcode rawDial} is such a peer for a server on the network.
 *
 * Connections keep a timer until they have ended, so that a test ends them, as
 * Deno's sanitizers ask for: by `close()`, `terminate()` or the peer's `reset()`.
 *
 * ```ts
 * import { ProtocolError } from "@silverback/websocket";
 * import { pipe, rawPeer } from "@silverback/websocket/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * // Your code on one end, the test on the other; no network.
 * const [client, server] = pipe({ latency: 2 });
 * await client.send("Hello");
 * assertEquals((await server.readMessage()).data, "Hello");
 * await client.close();
 *
 * // How does it take a peer that breaks the protocol?
 * const [conn, peer] = rawPeer({ side: "server" });
 * const read = assertRejects(() => conn.readMessage(), ProtocolError);
 * peer.sendFrame({ opcode: 1, payload: "Hi", mask: false });
 * await peer.expectClose(1002);
 * await read;
 * peer.end();
 * await conn.closed;
 * ```
 *
 * @module
 */

import type { Conn } from "./conn/conn.ts";
import type { ConnOptions } from "./conn/options.ts";
import { openStream } from "./open_stream.ts";
import { connOver } from "./over.ts";
import { generateKey } from "./handshake/accept.ts";
import { buildClientRequest } from "./handshake/client_request.ts";
import { parseDialURL } from "./handshake/client_url.ts";
import type { HeadersLike } from "./handshake/headers.ts";
import { RawPeer } from "./raw_peer.ts";
import {
  type PipeStreamOptions,
  pipeStreams,
} from "./runtime/memory/pipe_stream.ts";
import { type TLSOptions, tlsSettings } from "./runtime/node/tls_options.ts";
import type { Side } from "./transport/transport.ts";

export type { PipeStreamOptions };
export * from "./raw_peer.ts";
export type { ExpectedFrame, RawFrame, RawFrameInit } from "./raw_frame.ts";

/** Options of {@linkcode pipe}. */
export interface PipeOptions extends PipeStreamOptions {
  /** Limits and times of the client's end. Default: those of a `Dialer`. */
  readonly client?: ConnOptions;
  /** Limits and times of the server's end. Default: those of an `Upgrader`. */
  readonly server?: ConnOptions;
  /**
   * The subprotocol of both.
   *
   * @default {""}
   */
  readonly subprotocol?: string;
}

/**
 * Makes two connections that are joined in memory, on the wire engine: the one
 * that real connections have. End them as any connection. Until then the
 * server's end keeps a timer, as servers do; there is none with
 * `server: { keepAlive: false }`, unless there is a latency.
 *
 * @param options Chunks and latency, and the options of either end
 * @returns The client's end and the server's end
 * @throws {RangeError} If an option is out of range
 *
 * @example Usage
 * ```ts
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = pipe({ chunkSize: 1, server: { readLimit: 1024 } });
 * await server.send("Hello");
 * assertEquals(await client.readMessage(), { type: 1, data: "Hello" });
 * const [info] = await Promise.all([client.close(), server.closed]);
 * assertEquals(info.code, 1000);
 * ```
 */
export function pipe(
  options: PipeOptions = {},
): [client: Conn, server: Conn] {
  const { client, server, subprotocol = "" } = options;
  const [here, there] = pipeStreams(options);
  return [
    connOver(here, { ...client, side: "client", subprotocol }),
    connOver(there, { ...server, side: "server", subprotocol }),
  ];
}

/** Options of {@linkcode rawPeer}. */
export interface RawPeerOptions extends ConnOptions, PipeStreamOptions {
  /** Which side the connection is; the raw peer is the other. */
  readonly side: Side;
  /**
   * The connection's subprotocol.
   *
   * @default {""}
   */
  readonly subprotocol?: string;
}

/**
 * Makes a connection and, joined to it in memory, a peer that sends any bytes
 * and expects frames.
 *
 * @param options The connection's side and options, chunks and latency
 * @returns The connection and its peer
 * @throws {RangeError} If an option is out of range
 *
 * @example Usage
 * ```ts
 * import { rawPeer } from "@silverback/websocket/testing";
 *
 * const [conn, peer] = rawPeer({ side: "client" });
 * conn.send("Hello");
 * await peer.expectFrame({ opcode: 1, fin: true, payload: "Hello" });
 * peer.reset();
 * await conn.closed;
 * ```
 */
export function rawPeer(
  options: RawPeerOptions,
): [conn: Conn, peer: RawPeer] {
  const [here, there] = pipeStreams(options);
  const conn = connOver(here, options);
  return [
    conn,
    new RawPeer(there, options.side === "client" ? "server" : "client"),
  ];
}

/** Options of {@linkcode rawDial}. */
export interface RawDialOptions {
  /**
   * Whether the client's handshake is done; `false` leaves even that to the
   * test.
   *
   * @default {true}
   */
  readonly handshake?: boolean;
  /** Headers to add to the request. Default: none. */
  readonly headers?: HeadersLike;
  /**
   * Subprotocols to offer.
   *
   * @default {[]}
   */
  readonly subprotocols?: readonly string[];
  /** How TLS is spoken for `wss:` URLs. Default: the runtime's authorities. */
  readonly tls?: TLSOptions;
  /** Gives up; the promise rejects with its reason. Default: none. */
  readonly signal?: AbortSignal;
}

/** What {@linkcode rawDial} resolves with. */
export interface RawDialResult {
  /** The peer, which plays the client. */
  readonly peer: RawPeer;
  /** The head of the server's answer; empty where there was no handshake. */
  readonly head: string;
}

/**
 * Connects to a server by TCP, or by TLS, as a client that sends any bytes. The
 * handshake's answer is not verified beyond its status.
 *
 * @param url A `ws:` or `wss:` URL
 * @param options The handshake, TLS and a signal
 * @returns The peer, and the server's answer
 * @throws {Error} If the connection fails, or the answer has not status 101;
 * then the message has its first line
 *
 * @example Usage
 * ```ts
 * import { serve } from "@silverback/websocket";
 * import { rawDial } from "@silverback/websocket/testing";
 * import { assertMatch } from "@std/assert";
 *
 * await using server = await serve((conn) => conn.closed.then(() => {}), {
 *   port: 0,
 * });
 *
 * const url = `ws://127.0.0.1:${server.addr.port}/`;
 * const { peer, head } = await rawDial(url);
 * assertMatch(head, /^HTTP\/1\.1 101 /);
 * peer.sendFrame({ opcode: 9, payload: "a" });
 * await peer.expectFrame({ opcode: 10, payload: "a" });
 * peer.destroy();
 * ```
 */
export async function rawDial(
  url: string | URL,
  options: RawDialOptions = {},
): Promise<RawDialResult> {
  const { handshake = true, headers, subprotocols, tls = {} } = options;
  const target = parseDialURL(url);
  const key = generateKey();
  const request = buildClientRequest(target, { key, subprotocols, headers });
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const stream = await openStream(
    target,
    { netDial: undefined, proxy: undefined, tls: tlsSettings(tls) },
    { signal, onPhase: () => {}, onProxy: () => {} },
  );
  const peer = new RawPeer(stream, "client");
  if (!handshake) return { peer, head: "" };
  const giveUp = () => peer.destroy();
  signal.addEventListener("abort", giveUp);
  try {
    peer.send(request.bytes);
    const head = await peer.readHead();
    if (/^HTTP\/1\.1 101 /.test(head)) return { peer, head };
    const [line = ""] = head.split("\r\n");
    throw new Error(`Cannot dial: the server answered ${JSON.stringify(line)}`);
  } catch (error) {
    peer.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
