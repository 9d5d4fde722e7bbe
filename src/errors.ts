import { brand } from "./base/brands.ts";
import { visible } from "./base/visible.ts";

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
  declare readonly name: string;

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
    super(message, init);
    this.phase = init.phase;
    this.address = init.address;
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
  declare readonly name: string;

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
  declare readonly name: string;

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
  declare readonly name: string;

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
  declare readonly name: string;

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
  declare readonly name: string;

  static {
    brand(this, "UnsupportedError");
  }
}
