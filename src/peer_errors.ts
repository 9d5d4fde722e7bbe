/**
 * Errors that tell what the peer did wrong, by who sees its bytes: pages load none
 * of them.
 */

import { brand } from "./base/brands.ts";

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
  declare readonly name: string;

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
  declare readonly name: string;

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
  declare readonly name: string;

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
  declare readonly name: string;

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
