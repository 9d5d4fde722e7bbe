// Three functions; past 300 lines because of their documentation and options.

/**
 * Helpers for tests of WebSocket code: two connections joined in memory, and a
 * peer that sends any bytes. No ports and no mocks: it is the engine of real
 * connections, on streams in memory.
 *
 * - {@linkcode pipe} gives both ends of a connection; its options cut what is
 *   sent into small chunks and delay it.
 * - {@linkcode rawPeer} gives one end, and a {@linkcode RawPeer} as the other,
 *   which sends any frames, also invalid ones, and checks those it gets.
 * - {@linkcode rawDial} is such a peer for a server on the network.
 *
 * A test should end its connections, by `close()`, `terminate()` or the peer's
 * `reset()`, and then await the `closed` of both ends, as either may be the
 * last: a closing handshake has a timer, which Deno's sanitizers notice.
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
 * await server.closed;
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

import type { Conn } from "../conn/conn.ts";
import { CONN_OPTIONS, type ConnOptions } from "../conn/options.ts";
import { openStream } from "../client/connect.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { connOver } from "../conn_over.ts";
import { generateKey } from "../handshake/accept.ts";
import { buildClientRequest } from "../handshake/client_request.ts";
import { parseDialURL } from "../handshake/client_url.ts";
import type { HeadersLike } from "../handshake/headers.ts";
import { RawPeer } from "./raw_peer.ts";
import { type PipeStreamOptions, pipeStreams } from "./pipe_stream.ts";
import {
  type TLSOptions,
  tlsSettings,
} from "../runtime/sockets/tls_options.ts";
import type { Side } from "../transport/transport.ts";
import { visible } from "../base/visible.ts";

export type { PipeStreamOptions };
export * from "./raw_peer.ts";
export type { ExpectedFrame, RawFrame, RawFrameInit } from "./raw_frame.ts";

/** Options of {@linkcode pipe}. */
export interface PipeOptions extends PipeStreamOptions {
  /** Limits and timeouts of the client's end. Default: a `Dialer`'s. */
  readonly client?: ConnOptions;
  /**
   * Limits and timeouts of the server's end. Default: an `Upgrader`'s, but no
   * keepalive.
   */
  readonly server?: ConnOptions;
  /**
   * The subprotocol of both.
   *
   * @default {""}
   */
  readonly subprotocol?: string;
}

const STREAM_OPTIONS: Readonly<Record<keyof PipeStreamOptions, true>> = {
  chunkSize: true,
  latency: true,
  bufferSize: true,
};

const PIPE_OPTIONS: OptionsOf<PipeOptions> = declareOptions({
  what: "pipe()",
  use: "pipe({ … })",
  names: { ...STREAM_OPTIONS, client: true, server: true, subprotocol: true },
  within: { server: CONN_OPTIONS },
});

const END_OPTIONS: OptionsOf<ConnOptions> = {
  what: "an end of pipe()",
  use: "pipe({ server: { … } })",
  names: CONN_OPTIONS,
  beside: PIPE_OPTIONS,
};

/**
 * Makes two connections that are joined in memory, on the wire engine, as real
 * connections are. If they are not closed, they do not keep the process alive.
 * An end in memory cannot vanish silently, so keepalive is off unless an option
 * sets it.
 *
 * @param options Chunks and latency, and the options of either end
 * @returns The client's end and the server's end
 * @throws {RangeError} If an option is out of range
 * @throws {TypeError} If an option is unknown
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
  options?: PipeOptions,
): [client: Conn, server: Conn] {
  const read = readOptions(options, PIPE_OPTIONS);
  const { subprotocol = "" } = read;
  const client = readOptions(read.client, END_OPTIONS);
  const server = readOptions(read.server, END_OPTIONS);
  const [here, there] = pipeStreams(read);
  return [
    connOver(here, { ...client, side: "client", subprotocol }),
    connOver(there, {
      keepAlive: false,
      ...server,
      side: "server",
      subprotocol,
    }),
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

const RAW_PEER_OPTIONS: OptionsOf<RawPeerOptions> = declareOptions({
  what: "rawPeer()",
  use: "rawPeer({ … })",
  names: { ...CONN_OPTIONS, ...STREAM_OPTIONS, side: true, subprotocol: true },
});

/**
 * Makes a connection and, joined to it in memory, a peer that sends any bytes
 * and checks the frames that it gets.
 *
 * @param options The connection's side and options, chunks and latency
 * @returns The connection and its peer
 * @throws {RangeError} If an option is out of range
 * @throws {TypeError} If an option is not known
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
  const { chunkSize, latency, bufferSize, ...conn } = readOptions(
    options,
    RAW_PEER_OPTIONS,
  );
  const [here, there] = pipeStreams({ chunkSize, latency, bufferSize });
  return [
    connOver(here, { keepAlive: false, ...conn }),
    new RawPeer(there, conn.side === "client" ? "server" : "client"),
  ];
}

/** Options of {@linkcode rawDial}. */
export interface RawDialOptions {
  /**
   * Whether to do the client's handshake; `false` leaves even that to the test.
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
  /** Gives up when aborted, with the signal's reason. Default: none. */
  readonly signal?: AbortSignal;
}

const RAW_DIAL_OPTIONS: OptionsOf<RawDialOptions> = declareOptions({
  what: "rawDial()",
  use: "rawDial(url, { … })",
  names: {
    handshake: true,
    headers: true,
    subprotocols: true,
    tls: true,
    signal: true,
  },
});

/** What {@linkcode rawDial} resolves with. */
export interface RawDialResult {
  /** The peer, which plays the client. */
  readonly peer: RawPeer;
  /** The head of the server's answer; empty where there was no handshake. */
  readonly head: string;
}

/**
 * Connects to a server by TCP, or by TLS, as a client that sends any bytes.
 * Only the status of the handshake's answer is verified.
 *
 * @param url A `ws:` or `wss:` URL
 * @param options The handshake, TLS and a signal
 * @returns The peer, and the server's answer
 * @throws {Error} If the connection fails, or the answer's status is not 101;
 * the message then has its first line
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
  options?: RawDialOptions,
): Promise<RawDialResult> {
  const read = readOptions(options, RAW_DIAL_OPTIONS);
  const { handshake = true, headers, subprotocols, tls } = read;
  const target = parseDialURL(url);
  const key = generateKey();
  const request = buildClientRequest(target, { key, subprotocols, headers });
  const signal = read.signal ?? new AbortController().signal;
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
    throw new Error(
      `Cannot dial: the server answered ${visible(JSON.stringify(line))}`,
    );
  } catch (error) {
    peer.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
