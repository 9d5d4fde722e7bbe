// Nine small classes; past 300 lines because of their documentation.

import { brand } from "./base/brands.ts";
import { visible } from "./base/visible.ts";

/**
 * A refused upgrade, as the server sees it: the status and the answer that the
 * client got.
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

  static {
    brand(this, "HandshakeError");
  }

  /**
   * Makes the error of a refused upgrade.
   *
   * @param message Why the upgrade was refused
   * @param response The answer
   * @param options The cause, if user code threw
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
 * A handshake that the server refused or answered wrongly, as the client sees
 * it (gorilla's `ErrBadHandshake`). As the `cause` of a {@linkcode DialError},
 * a tunnel that a proxy refused.
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
 *       headers.has("authorization")
 *       ? undefined
 *       : new Response(null, { status: 401 }),
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

  static {
    brand(this, "BadHandshakeError");
  }

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

/** The details of a {@linkcode DialError}. */
export interface DialErrorInit {
  /** The step that failed. */
  readonly phase: DialPhase;
  /** The host and port dialed: the proxy's in phase `proxy`. */
  readonly address: string;
  /** The error of the system, of TLS, or of the answer. Default: none. */
  readonly cause?: unknown;
}

/**
 * A connection that could not be made: the step that failed, and the address.
 * Every failure between a Dialer and a proxy has phase `proxy`; if the proxy
 * refused a CONNECT, `cause` is a {@linkcode BadHandshakeError} with its
 * answer.
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
  /**
   * The host and port dialed, the proxy's in phase `proxy`; or the path of a
   * Unix socket.
   */
  readonly address: string;
  /** `"DialError"`. */
  override readonly name: string = "DialError";

  static {
    brand(this, "DialError");
  }

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
 * A peer that broke the protocol; the connection has been failed with
 * {@linkcode ProtocolError.code}.
 *
 * @example Usage
 * ```ts
 * import { ProtocolError } from "@silverback/websocket";
 * import { rawPeer } from "@silverback/websocket/testing";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const [conn, peer] = rawPeer({ side: "server" });
 * peer.send(new Uint8Array([0xff, 0x80, 0, 0, 0, 0])); // not a valid frame
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

  static {
    brand(this, "ProtocolError");
  }

  /**
   * Makes the error of a broken rule.
   *
   * @param message What rule was broken
   * @param code The close code
   */
  constructor(message: string, code?: number) {
    super(message);
    this.code = code === undefined ? 1002 : code;
  }
}

/**
 * A message larger than the read limit (gorilla's `ErrReadLimit`); the
 * connection has been failed with code 1009.
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
 * await server.closed;
 * ```
 */
export class ReadLimitError extends Error {
  /** The limit, in bytes. */
  readonly limit: number;
  /** `"ReadLimitError"`. */
  override readonly name: string = "ReadLimitError";

  static {
    brand(this, "ReadLimitError");
  }

  /**
   * Makes the error of a message over the limit.
   *
   * @param limit The limit, in bytes
   * @param message The error's message; default: one that names the limit
   */
  constructor(limit: number, message?: string) {
    super(
      message === undefined
        ? `Cannot read message: it exceeds the read limit of ${limit} bytes`
        : message,
    );
    this.limit = limit;
  }
}

/**
 * A peer that reads too slowly: more is unsent than the write limit allows, and
 * the connection has been failed.
 *
 * @example Usage
 * ```ts
 * import { WriteLimitError } from "@silverback/websocket";
 * import { rawPeer } from "@silverback/websocket/testing";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const options = { side: "client", writeLimit: 1024, bufferSize: 1 } as const;
 * const [conn, peer] = rawPeer(options);
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

  static {
    brand(this, "WriteLimitError");
  }

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
 * A peer that sends more messages, or pings and pongs, than `messageLimit`
 * allows; the connection has been failed with code 1008.
 *
 * @example Usage
 * ```ts
 * import { MessageLimitError } from "@silverback/websocket";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const messageLimit = { perSecond: 1, burst: 2 };
 * const [client, server] = pipe({ server: { messageLimit } });
 * for (const text of ["one", "two", "three"]) client.send(text);
 * assertEquals((await server.readMessage()).data, "one");
 * assertEquals((await server.readMessage()).data, "two");
 * const error = await server.readMessage().catch((error) => error);
 * assertInstanceOf(error, MessageLimitError);
 * assertEquals(error.burst, 2);
 * assertEquals((await client.closed).code, 1008);
 * await server.closed;
 * ```
 */
export class MessageLimitError extends Error {
  /** Messages that may come a second. */
  readonly perSecond: number;
  /** Messages that may come at once. */
  readonly burst: number;
  /** `"MessageLimitError"`. */
  override readonly name: string = "MessageLimitError";

  static {
    brand(this, "MessageLimitError");
  }

  /**
   * Makes the error of a message too many.
   *
   * @param perSecond Messages that may come a second
   * @param burst Messages that may come at once
   * @param what What has come; default: a message
   */
  constructor(
    perSecond: number,
    burst: number,
    what?: "message" | "ping" | "pong",
  ) {
    super(
      `Cannot read ${
        what === undefined ? "message" : what
      }: the peer sends more than ${perSecond} a second and ${burst} at once, the messageLimit`,
    );
    this.perSecond = perSecond;
    this.burst = burst;
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
 * const [client, server] = pipe();
 * client.close();
 * await assertRejects(() => client.send("late"), CloseSentError);
 * await Promise.all([client.closed, server.closed]);
 * ```
 */
export class CloseSentError extends Error {
  /** `"CloseSentError"`. */
  override readonly name: string = "CloseSentError";

  static {
    brand(this, "CloseSentError");
  }

  /** Makes the error of a write after the close frame. */
  constructor() {
    super("Cannot write message: the close frame has been sent");
  }
}

/**
 * A message that a schema refuses: see `Conn.json`.
 *
 * @example Usage
 * ```ts
 * import { InvalidMessageError } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const issues = [{ message: "must be a string", path: ["user", "name"] }];
 * const error = new InvalidMessageError(issues);
 * assertEquals(error.issues, issues);
 * assertEquals(error.message, "Cannot use message: user.name: must be a string");
 * ```
 */
export class InvalidMessageError extends Error {
  /** What is wrong with it, as the schema says. */
  readonly issues: readonly {
    readonly message: string;
    readonly path?:
      | readonly (PropertyKey | { readonly key: PropertyKey })[]
      | undefined;
  }[];
  /** `"InvalidMessageError"`. */
  override readonly name: string = "InvalidMessageError";

  static {
    brand(this, "InvalidMessageError");
  }

  /**
   * Makes the error of a message that a schema refuses.
   *
   * @param issues What is wrong with it; the error's message tells the first
   */
  constructor(issues: InvalidMessageError["issues"]) {
    const [first] = issues;
    const path = (first?.path ?? []).map((part) =>
      String(typeof part === "object" ? part.key : part)
    ).join(".");
    const fault = first?.message ?? "the schema refuses it";
    super(
      visible(
        `Cannot use message: ${path === "" ? "" : `${path}: `}${fault}`,
      ),
    );
    this.issues = issues;
  }
}

/**
 * Something that the connection's engine cannot do; check `conn.capabilities`
 * beforehand.
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
 *     // Or check `conn.capabilities.ping` beforehand.
 *     if (!(error instanceof UnsupportedError)) return false;
 *     await conn.send("ping");
 *     return (await conn.readMessage()).data === "pong";
 *   }
 * }
 *
 * const [client, server] = pipe();
 * assertEquals(await isAlive(client), true);
 * await client.close();
 * await server.closed;
 * ```
 */
export class UnsupportedError extends Error {
  /** `"UnsupportedError"`. */
  override readonly name: string = "UnsupportedError";

  static {
    brand(this, "UnsupportedError");
  }
}
