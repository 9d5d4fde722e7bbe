// Eight small classes; their documentation has them past 300 lines.

/**
 * A refused upgrade, seen by the server: the status and the answer that the client got.
 *
 * @example What was refused, and why
 * ```ts
 * import { BadHandshakeError, dial, serve } from "@silverback/websocket";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const refused: string[] = [];
 * await using server = await serve(() => {}, {
 *   port: 0,
 *   upgrader: {
 *     error: (request, status, reason) => {
 *       refused.push(`${request.headers.get("origin")}: ${reason.name}`);
 *       return new Response("Not from there\n", { status });
 *     },
 *   },
 * });
 *
 * const url = `ws://127.0.0.1:${server.addr.port}`;
 * const headers = { Origin: "https://evil.example" };
 * await assertRejects(() => dial(url, { headers }), BadHandshakeError);
 * assertEquals(refused, ["https://evil.example: HandshakeError"]);
 * ```
 */
export class HandshakeError extends Error {
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The answer that the client gets. */
  readonly response: Response;
  /** `"HandshakeError"`. */
  override readonly name: string = "HandshakeError";

  /**
   * Makes the error of a refused upgrade.
   *
   * @param message Why the upgrade was refused
   * @param response The answer
   * @param options The cause, where user code threw
   */
  constructor(message: string, response: Response, options?: ErrorOptions) {
    super(message, options);
    this.status = response.status;
    this.response = response;
  }
}

/** A server's answer to a client's handshake. */
export interface HandshakeResponse {
  /** The HTTP status: 101 if the connection was upgraded. */
  readonly status: number;
  /** The headers. */
  readonly headers: Headers;
  /** The first bytes of the body, at most 1024; empty for a 101. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * A handshake that the server refused, or answered wrongly, seen by the client (gorilla's `ErrBadHandshake`); as the `cause` of a
 * {@linkcode DialError}, a connection that a proxy refused.
 *
 * @example Log in, then dial again
 * ```ts
 * import { BadHandshakeError, dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve((conn) => conn.send("Welcome"), {
 *   port: 0,
 *   upgrader: {
 *     authorize: ({ headers }) =>
 *       headers.has("authorization") ? undefined : new Response(null, { status: 401 }),
 *   },
 * });
 * const url = `ws://127.0.0.1:${server.addr.port}`;
 *
 * async function connect(headers: Record<string, string>): Promise<number> {
 *   try {
 *     const { conn, response } = await dial(url, { headers });
 *     await conn.close();
 *     return response.status;
 *   } catch (error) {
 *     if (error instanceof BadHandshakeError) return error.response.status;
 *     throw error;
 *   }
 * }
 *
 * assertEquals(await connect({}), 401);
 * assertEquals(await connect({ Authorization: "Bearer secret" }), 101);
 * ```
 */
export class BadHandshakeError extends Error {
  /** What the server answered. */
  readonly response: HandshakeResponse;
  /** `"BadHandshakeError"`. */
  override readonly name: string = "BadHandshakeError";

  /**
   * Makes the error of a refused or wrong answer.
   *
   * @param message What was wrong with the answer
   * @param response The answer
   */
  constructor(message: string, response: HandshakeResponse) {
    super(message);
    this.response = response;
  }
}

/** The steps of dialing, in their order. */
export type DialPhase = "lookup" | "connect" | "proxy" | "tls" | "http";

/** What a {@linkcode DialError} knows. */
export interface DialErrorInit {
  /** The step that failed. */
  readonly phase: DialPhase;
  /** The host and port dialed: the proxy's in phase `proxy`. */
  readonly address: string;
  /** The error of the system, of TLS, or of the answer. Default: none is known. */
  readonly cause?: unknown;
}

/**
 * A connection that could not be made: the step that failed, and the address. All that fails between a Dialer and a proxy is of
 * phase `proxy`; where the proxy answered a CONNECT with a refusal, `cause` is a {@linkcode BadHandshakeError} that has its answer.
 *
 * @example Usage
 * ```ts
 * import { Dialer, DialError } from "@silverback/websocket";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const dialer = new Dialer();
 * const error = await dialer.dial("ws://127.0.0.1:1/").catch((error) => error);
 * assertInstanceOf(error, DialError);
 * assertEquals([error.phase, error.address], ["connect", "127.0.0.1:1"]);
 * ```
 */
export class DialError extends Error {
  /** The step that failed. */
  readonly phase: DialPhase;
  /** The host and port dialed, the proxy's in phase `proxy`; the path of a unix socket. */
  readonly address: string;
  /** `"DialError"`. */
  override readonly name: string = "DialError";

  /**
   * Makes the error of a failed dial.
   *
   * @param message What failed
   * @param init The phase, the address and the cause
   */
  constructor(message: string, init: DialErrorInit) {
    super(message, init.cause === undefined ? {} : { cause: init.cause });
    this.phase = init.phase;
    this.address = init.address;
  }
}

/**
 * A peer that broke the protocol; the connection has been failed with {@linkcode ProtocolError.code}.
 *
 * @example Usage
 * ```ts
 * import { ProtocolError } from "@silverback/websocket";
 * import { rawPeer } from "@silverback/websocket/testing";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const [conn, peer] = rawPeer({ side: "server" });
 * peer.send(new Uint8Array([0xff, 0x80, 0, 0, 0, 0])); // no such frame
 * const error = await conn.readMessage().catch((error) => error);
 * assertInstanceOf(error, ProtocolError);
 * assertEquals(error.code, 1002);
 * await peer.expectClose(1002);
 * peer.reset();
 * await conn.closed;
 * ```
 */
export class ProtocolError extends Error {
  /** The close code that was sent: 1002, or 1007 for text that is not UTF-8. */
  readonly code: number;
  /** `"ProtocolError"`. */
  override readonly name: string = "ProtocolError";

  /**
   * Makes the error of a broken rule.
   *
   * @param message The rule
   * @param code The close code
   */
  constructor(message: string, code = 1002) {
    super(message);
    this.code = code;
  }
}

/**
 * A message larger than the read limit (gorilla's `ErrReadLimit`); the connection has been failed with code 1009.
 *
 * @example Usage
 * ```ts
 * import { ReadLimitError } from "@silverback/websocket";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const [client, server] = pipe({ server: { readLimit: 1024 } });
 * client.send("x".repeat(1025));
 * const error = await server.readMessage().catch((error) => error);
 * assertInstanceOf(error, ReadLimitError);
 * assertEquals(error.limit, 1024);
 * assertEquals((await client.closed).code, 1009);
 * ```
 */
export class ReadLimitError extends Error {
  /** The limit, in bytes. */
  readonly limit: number;
  /** `"ReadLimitError"`. */
  override readonly name: string = "ReadLimitError";

  /**
   * Makes the error of a message over the limit.
   *
   * @param limit The limit, in bytes
   * @param message What exceeds it; default: a message
   */
  constructor(
    limit: number,
    message =
      `Cannot read message: it exceeds the read limit of ${limit} bytes`,
  ) {
    super(message);
    this.limit = limit;
  }
}

/**
 * A peer that reads too slowly: more is unsent than the write limit allows; the connection has been failed.
 *
 * @example Usage
 * ```ts
 * import { WriteLimitError } from "@silverback/websocket";
 * import { rawPeer } from "@silverback/websocket/testing";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const [conn, peer] = rawPeer({ side: "client", writeLimit: 1024, bufferSize: 1 });
 * peer.pause(); // It reads nothing.
 * for (let i = 0; i < 3; i++) conn.send("x".repeat(100_000));
 * const error = await conn.readMessage().catch((error) => error);
 * assertInstanceOf(error, WriteLimitError);
 * assertEquals(error.limit, 1024);
 * peer.reset();
 * await conn.closed;
 * ```
 */
export class WriteLimitError extends Error {
  /** The limit, in bytes. */
  readonly limit: number;
  /** `"WriteLimitError"`. */
  override readonly name: string = "WriteLimitError";

  /**
   * Makes the error of a slow reader.
   *
   * @param limit The limit, in bytes
   */
  constructor(limit: number) {
    super(
      `Cannot queue message: more than ${limit} bytes, the write limit, are unsent as the peer reads too slowly`,
    );
    this.limit = limit;
  }
}

/**
 * A write after this side's close frame (gorilla's `ErrCloseSent`).
 *
 * @example Usage
 * ```ts
 * import { CloseSentError } from "@silverback/websocket";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertRejects } from "@std/assert";
 *
 * const [client] = pipe();
 * client.close();
 * await assertRejects(() => client.send("late"), CloseSentError);
 * await client.closed;
 * ```
 */
export class CloseSentError extends Error {
  /** `"CloseSentError"`. */
  override readonly name: string = "CloseSentError";

  /** Makes the error of a write after the close frame. */
  constructor() {
    super("Cannot write message: the close frame has been sent");
  }
}

/**
 * A thing that the connection's engine cannot do; `conn.capabilities` tells beforehand.
 *
 * @example Where there is no ping, a message
 * ```ts
 * import { type Conn, UnsupportedError } from "@silverback/websocket";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * async function isAlive(conn: Conn): Promise<boolean> {
 *   try {
 *     return await conn.ping() >= 0;
 *   } catch (error) {
 *     // The same as `if (conn.capabilities.ping)` before.
 *     if (!(error instanceof UnsupportedError)) return false;
 *     await conn.send("ping");
 *     return (await conn.readMessage()).data === "pong";
 *   }
 * }
 *
 * const [client] = pipe();
 * assertEquals(await isAlive(client), true);
 * await client.close();
 * ```
 */
export class UnsupportedError extends Error {
  /** `"UnsupportedError"`. */
  override readonly name: string = "UnsupportedError";
}
