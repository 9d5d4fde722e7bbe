// The class that users hold; past 300 lines because of its documentation. The
// files beside it do the work.

import { checkCloseCode, type CloseInfo, fitCloseReason } from "../close.ts";
import { UnsupportedError } from "../errors.ts";
import type { ControlType, Message, MessageType } from "../message.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { ownPrepared, type PreparedMessage } from "../prepared.ts";
import type {
  Addr,
  Capabilities,
  Engine,
  Transport,
} from "../transport/transport.ts";
import { brandOf } from "../base/brands.ts";
import { Core, type CoreParts } from "./core.ts";
import { timeLeft, timerDelay } from "./deadline.ts";
import type { ConnState, Ending } from "./ending.ts";
import type { CloseHandler, PingHandler, PongHandler } from "./handlers.ts";
import type { Inbound } from "./inbound.ts";
import { JOIN, joined } from "./join_messages.ts";
import {
  JSONIterator,
  jsonOf,
  type JSONOptions,
  type StandardSchema,
} from "./json.ts";
import { MessageIterator } from "./message_iterator.ts";
import type { MessageReader } from "./message_reader.ts";
import { checkReadLimit, type ConnSettings, milliseconds } from "./options.ts";
import type { Outbound } from "./outbound.ts";
import { nameOf, shown } from "../base/user_values.ts";
import { controlPayload, parseCloseToSend } from "./payload.ts";
import { handled, readWait, rejected, type WaitOptions } from "./promises.ts";
import type { ConnStats } from "./stats.ts";
import { messageReadable, messageWritable } from "./streams.ts";

/** Options of {@linkcode Conn.close}. */
export interface CloseOptions {
  /**
   * Milliseconds that closing may take, including what still has to go out,
   * before the connection is cut. Default: the `closeTimeout` of the Upgrader
   * or the Dialer, counted from the close frame on.
   */
  readonly timeout?: number;
}

const CLOSE_OPTIONS: OptionsOf<CloseOptions> = declareOptions({
  what: "close()",
  use: "conn.close(code, reason, { … })",
  names: { timeout: true },
});

const SECRET = Symbol("Conn");

/**
 * Makes a Conn over a transport; not for users.
 *
 * @param transport The transport
 * @param settings The options, checked
 * @param parts What it needs of a transport with pings; see `createConn`
 * @returns The connection
 */
export function assembleConn(
  transport: Transport,
  settings: ConnSettings,
  parts?: CoreParts,
): Conn {
  const core = new Core(transport, settings, parts);
  return new Conn(SECRET as never, core as never);
}

/** The parts of a connection, for the shapes that other APIs give it. */
export interface Inside {
  /** The reading side. */
  readonly inbound: Inbound;
  /** What carries the connection. */
  readonly transport: Transport;
  /** How it ends. */
  readonly ending: Ending;
}

/**
 * The writing side of a connection, for what publishes to many; `undefined` for
 * a connection of another copy of the package.
 */
export let outboundOf: (conn: Conn) => Outbound | undefined;

// In every copy of the package, so that each knows the others' connections.
const INSIDE = brandOf("Conn.inside");

/**
 * The parts of a connection, of whichever copy of the package.
 *
 * @param conn Any value
 * @returns The parts, or `undefined` if it is no connection
 */
export function insideOf(conn: unknown): Inside | undefined {
  const inside = (conn as Record<symbol, unknown> | null | undefined)
    ?.[INSIDE];
  return typeof inside === "function" ? inside.call(conn) : undefined;
}

/**
 * A WebSocket connection, of a server or a client, on either engine.
 *
 * Only one read may wait at a time. You may write from anywhere; messages go
 * out whole, first in, first out. The promises of the write, control and close
 * methods need not be awaited: the next read and {@linkcode Conn.closed} report
 * a failure. Misuse, such as a payload of the wrong type, throws at once,
 * whether or not the connection is open.
 *
 * An awaited read or write lets others run: when the connections of the process
 * have together handled some milliseconds' worth of messages, the next promise
 * settles in a later turn of the event loop. Calls on a connection that is over
 * reject in a later turn as well, and those of its streams settle in one. A loop
 * that awaits nothing blocks everything else, as in any program; and so does one
 * that awaits only what the platform does with a stream that is over without
 * calling it: `writer.ready`, `new Response(stream)`, `pipeThrough()`.
 *
 * @example Echo
 * ```ts no-assert
 * import type { Conn } from "@silverback/websocket";
 *
 * async function echo(conn: Conn): Promise<void> {
 *   for await (const message of conn) {
 *     await conn.writeMessage(message.type, message.data);
 *   }
 * }
 * ```
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over
 */
export class Conn<Data = unknown>
  implements AsyncIterable<Message>, AsyncDisposable {
  readonly #core: Core;
  #readable: ReadableStream<string | Uint8Array<ArrayBuffer>> | undefined;
  #bytes: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<string | Uint8Array> | undefined;

  /**
   * Not for users: an `Upgrader`, a `Dialer`, `serve()` and `connOver()` make
   * connections.
   *
   * @throws {TypeError} Always, when called by users
   */
  constructor(secret: never, core: never) {
    if (secret !== SECRET) {
      throw new TypeError(
        "Cannot construct Conn: use Upgrader, Dialer, serve() or connOver()",
      );
    }
    this.#core = core;
  }

  /** Which engine carries the connection. */
  get engine(): Engine {
    return this.#core.transport.engine;
  }

  /**
   * What the engine can do; the rest throws an {@linkcode UnsupportedError}.
   */
  get capabilities(): Capabilities {
    return this.#core.transport.capabilities;
  }

  /**
   * `"open"`; `"closing"` from the first close frame in either direction, or a
   * failure, on; `"closed"` when the connection is over.
   */
  get state(): ConnState {
    return this.#core.ending.state;
  }

  /**
   * What the `authorize` of the {@linkcode Upgrader} has handed over in `data`,
   * the very value; `undefined` where it has not, and of connections that are
   * dialed or made by `connOver()`.
   *
   * @example Who it is
   * ```ts
   * import { dial, serve } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * await using server = await serve((conn) => conn.send(conn.data.name), {
   *   port: 0,
   *   upgrader: {
   *     authorize: (request: Request) => {
   *       const name = new URL(request.url).searchParams.get("name");
   *       if (name === null) return new Response(null, { status: 401 });
   *       return { data: { name } };
   *     },
   *   },
   * });
   *
   * const url = `ws://127.0.0.1:${server.addr.port}/?name=Ada`;
   * const { conn } = await dial(url);
   * assertEquals((await conn.readMessage()).data, "Ada");
   * await conn.closed;
   * ```
   */
  get data(): Data {
    return this.#core.data as Data;
  }

  /** The subprotocol agreed on, or an empty string. */
  get subprotocol(): string {
    return this.#core.transport.subprotocol;
  }

  /** This side's address, where the engine knows it. */
  get localAddr(): Addr | undefined {
    return this.#core.transport.localAddr;
  }

  /**
   * The peer's address, where the engine knows it. Behind a proxy, the proxy's.
   */
  get remoteAddr(): Addr | undefined {
    return this.#core.transport.remoteAddr;
  }

  /**
   * The client's address, on a server: what the proxies of the Upgrader's
   * `trustProxy` say, else `remoteAddr`. Its port is 0 where they do not tell
   * it.
   */
  get clientAddr(): Addr | undefined {
    return this.#core.clientAddr ?? this.#core.transport.remoteAddr;
  }

  /**
   * What the connection has done so far: messages and bytes each way, and the
   * last round trip. Each look is a copy.
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.send("Hello");
   * await server.readMessage();
   * assertEquals(server.stats.received, {
   *   messages: 1,
   *   bytes: 5,
   *   wireBytes: 11, // with the header and the mask
   * });
   * await client.close();
   * await server.closed;
   * ```
   */
  get stats(): ConnStats {
    return this.#core.stats;
  }

  /** Bytes sent that the operating system has not taken yet. */
  get bufferedAmount(): number {
    const { transport, outbound } = this.#core;
    outbound.before?.();
    return transport.bufferedAmount + outbound.queued;
  }

  // Reading

  /**
   * Reads the next message (gorilla's `ReadMessage`). The unread rest of a
   * message from {@linkcode Conn.nextReader} is dropped.
   *
   * Giving up a read, by its signal or the read deadline, does not fail the
   * connection: the next read gets the message.
   *
   * @param options A signal to give up waiting
   * @returns The message
   * @throws {CloseError} If the peer has closed the connection or the network
   * has cut it (code 1006)
   * @throws {ProtocolError} If the peer broke the protocol
   * @throws {ReadLimitError} If a message exceeds the read limit
   * @throws {DOMException} `InvalidStateError` if another read is waiting;
   * `TimeoutError` if the read deadline passes, or keepalive finds the peer
   * silent
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.send("Hello");
   * assertEquals(await server.readMessage(), { type: 1, data: "Hello" });
   * await client.close();
   * await server.closed;
   * ```
   */
  readMessage(options?: WaitOptions): Promise<Message> {
    try {
      return this.#core.inbound.readMessage(readWait(options));
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Waits for the beginning of the next message and reads it piece by piece
   * (gorilla's `NextReader`). Where `capabilities.streaming` is `false`, the
   * whole message is buffered first. Errors are those of
   * {@linkcode Conn.readMessage}; a connection that ends inside the message
   * fails its reader.
   *
   * @param options A signal to give up waiting
   * @returns The message's reader
   * @throws {Error} As {@linkcode Conn.readMessage}
   *
   * @example A message as its bytes arrive
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.send(new Uint8Array(100_000));
   *
   * const { type, readable } = await server.nextReader();
   * let bytes = 0;
   * for await (const chunk of readable) bytes += chunk.length;
   * assertEquals([type, bytes], [2, 100_000]);
   * await client.close();
   * await server.closed;
   * ```
   */
  nextReader(options?: WaitOptions): Promise<MessageReader> {
    try {
      return this.#core.inbound.nextReader(readWait(options));
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Reads the next message, text or binary, as JSON (gorilla's `ReadJSON`).
   * Errors are those of {@linkcode Conn.readMessage}.
   *
   * @typeParam T The type of the value, unchecked
   * @param options A signal to give up waiting
   * @returns The value
   * @throws {SyntaxError} If the message is not JSON; the connection stays open
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.writeJSON({ name: "Alice" });
   * const { name } = await server.readJSON<{ name: string }>();
   * assertEquals(name, "Alice");
   * await client.close();
   * await server.closed;
   * ```
   */
  async readJSON<T = unknown>(options?: WaitOptions): Promise<T> {
    const message = await this.#core.inbound.readMessage(readWait(options));
    return jsonOf(message) as T;
  }

  /**
   * Reads message after message. Ends when the peer closes with 1000, 1001 or
   * no code; throws what {@linkcode Conn.readMessage} throws at any other end.
   * `break` leaves the connection open.
   *
   * @returns An iterator over the messages to come
   * @throws {Error} As {@linkcode Conn.readMessage}, from `next()`
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.send("one");
   * client.send("two");
   * client.close();
   *
   * const texts: unknown[] = [];
   * for await (const { data } of server) texts.push(data);
   * assertEquals(texts, ["one", "two"]);
   * await Promise.all([client.closed, server.closed]);
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined> {
    return new MessageIterator(this.#core.inbound);
  }

  /**
   * Iterates over the values of messages in JSON, of either type, which a schema may
   * validate: one of zod, valibot, arktype or any other that is a
   * {@linkcode StandardSchema}. It ends and throws as the iterator of messages does.
   *
   * A message that is no JSON, or that the schema refuses, never ends the loop by
   * accident: it goes to `onInvalid`, or fails the connection with code 1007, and the
   * loop throws the error.
   *
   * @typeParam T What the schema gives; without one, what the value is taken for,
   * unchecked
   * @param schema What validates the values; default: nothing does
   * @param options What is done with messages that are not valid
   * @returns The values to come
   * @throws {TypeError} At once, if the schema is none, or an option is unknown
   * @throws {SyntaxError} If a message is not JSON, at the step that meets it
   * @throws {InvalidMessageError} If the schema refuses a message, likewise
   * @throws {Error} As {@linkcode Conn.readMessage}, likewise
   *
   * @example Usage
   * ```ts
   * import type { StandardSchema } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * // Or z.object({ name: z.string() }), and the like.
   * const schema: StandardSchema<{ name: string }> = {
   *   "~standard": {
   *     validate: (value) =>
   *       typeof (value as { name?: unknown })?.name === "string"
   *         ? { value: value as { name: string } }
   *         : { issues: [{ message: "must be a string", path: ["name"] }] },
   *   },
   * };
   *
   * const [client, server] = pipe();
   * client.writeJSON({ name: "Alice" });
   * client.writeJSON({ name: 5 });
   * client.writeJSON({ name: "Bob" });
   * client.close();
   *
   * const names: string[] = [];
   * const onInvalid = (error: Error) => void names.push(error.message);
   * for await (const { name } of server.json(schema, { onInvalid })) {
   *   names.push(name);
   * }
   * assertEquals(names, ["Alice", "Cannot use message: name: must be a string", "Bob"]);
   * await Promise.all([client.closed, server.closed]);
   * ```
   */
  json<T = unknown>(
    schema?: StandardSchema<T>,
    options?: JSONOptions,
  ): AsyncIterableIterator<T, undefined> {
    return new JSONIterator(this.#core, schema, options);
  }

  /**
   * The messages to come as a stream: text as `string`, binary as
   * `Uint8Array`; it can be piped into a {@linkcode Conn.writable}. It closes
   * and errors as the iterator does. Canceling it closes the connection with
   * code 1000.
   *
   * @example An echo
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * const echoing = server.readable.pipeTo(server.writable);
   *
   * await client.send("Hello");
   * assertEquals((await client.readMessage()).data, "Hello");
   * await client.close();
   * await echoing;
   * await server.closed;
   * ```
   */
  get readable(): ReadableStream<string | Uint8Array<ArrayBuffer>> {
    return this.#readable ??= messageReadable(this.#core);
  }

  /**
   * The payloads of the messages to come as one stream of bytes, text as UTF-8,
   * each as it arrives: for what is carried in messages, but knows none, such as
   * TCP. It closes and errors as the iterator does. Canceling it closes the
   * connection with code 1000. {@linkcode joinMessages} leaves it open, and can
   * put something between the messages.
   *
   * @example A stream of bytes
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.send(new Uint8Array([72, 101, 108]));
   * client.send(new Uint8Array([108, 111]));
   * client.close();
   * assertEquals(await new Response(server.bytes).text(), "Hello");
   * await Promise.all([client.closed, server.closed]);
   * ```
   */
  get bytes(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#bytes ??= joined(this.#core.inbound, "", async () => {
      await this.close();
    });
  }

  /**
   * Ends reading, for applications that only write (coder/websocket's
   * `CloseRead`). Messages that have come and will come are dropped. The peer
   * is not stopped any more, so its pings are answered and its close frame is
   * seen, however much comes before it. The read limit still holds. A waiting
   * read, and every later one, rejects with an `InvalidStateError`.
   *
   * @example A server that only writes
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * server.closeRead();
   * for (let i = 0; i < 100; i++) client.send("x".repeat(1000));
   * client.close(1000, "seen");
   * assertEquals((await server.closed).reason, "seen");
   * await client.closed;
   * ```
   */
  closeRead(): void {
    this.#core.inbound.closeRead();
  }

  // Writing

  /**
   * Sends a message (gorilla's `WriteMessage`). Control types are sent as by
   * {@linkcode Conn.writeControl}.
   *
   * A payload of up to 16 KiB is copied before the call returns; a larger one
   * must not be changed before the promise settles. The promise fulfils when
   * the queue is below its high-water mark (`writeBufferSize`, at least 64 KiB)
   * and a large payload has been handed over whole, not when the peer has it. A
   * write that is given up, by its signal or the write deadline, is not sent;
   * if a part of it has gone out already, the connection is failed.
   *
   * @param type The type; text may be given as UTF-8 bytes, and binary as a
   * string, which is sent as UTF-8
   * @param data The payload; a lone surrogate in a string is sent as U+FFFD
   * @param options A signal to give up waiting
   * @throws {TypeError} At once, if the data is neither `string` nor
   * `Uint8Array`, or is text given as bytes that are not UTF-8
   * @throws {RangeError} At once, if the type is unknown, or a control payload
   * is longer than 125 bytes
   * @throws {CloseSentError} If this side's close frame has been sent
   * @throws {CloseError} If the connection is over
   * @throws {WriteLimitError} If the peer reads too slowly; the connection is
   * failed
   * @throws {DOMException} `TimeoutError` if the write deadline passes
   *
   * @example Usage
   * ```ts
   * import { MessageType } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * await client.writeMessage(MessageType.Text, "Hello");
   * await client.writeMessage(MessageType.Binary, new Uint8Array([1, 2]));
   * assertEquals((await server.readMessage()).data, "Hello");
   * assertEquals((await server.readMessage()).data, new Uint8Array([1, 2]));
   * await client.close();
   * await server.closed;
   * ```
   */
  writeMessage(
    type: MessageType,
    data: string | Uint8Array,
    options?: WaitOptions,
  ): Promise<void> {
    if (type === 1 || type === 2) {
      return this.#core.outbound.send(type, data, readWait(options));
    }
    const signal = readWait(options)?.signal;
    const send = this.#checkedControl(type, data);
    return signal?.aborted ? rejected(signal.reason) : send();
  }

  /**
   * Sends a message: a string as text, bytes as binary. As
   * {@linkcode Conn.writeMessage} in all else.
   *
   * @param data The payload
   * @param options A signal to give up waiting
   * @throws {Error} As {@linkcode Conn.writeMessage}
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * await client.send("text");
   * await client.send(new Uint8Array([1]));
   * assertEquals((await server.readMessage()).type, 1);
   * assertEquals((await server.readMessage()).type, 2);
   * await client.close();
   * await server.closed;
   * ```
   */
  send(data: string | Uint8Array, options?: WaitOptions): Promise<void> {
    return this.#core.outbound.send(
      typeof data === "string" ? 1 : 2,
      data,
      readWait(options),
    );
  }

  /**
   * Opens a writer for one message (gorilla's `NextWriter`), which is sent in
   * fragments as it is written and ends when the writer is closed. Other data
   * messages wait meanwhile; if one has waited for `closeTimeout` and the
   * writer has written nothing in that time, the connection is failed. In a
   * text message, a surrogate pair or a UTF-8 sequence may be split between
   * chunks. Aborting a writer that has begun fails the connection, as the
   * message cannot be taken back; so does a chunk that is neither a `string`
   * nor a `Uint8Array`, or text that is not UTF-8, with code 1011. Await the
   * writer's `close()` before you close the connection: what has not been
   * written by then is lost. Where `capabilities.streaming` is `false`, the
   * message is buffered and sent whole.
   *
   * @param type The type; a control message is sent when its writer is closed
   * @param options A signal that aborts the writer
   * @returns The writer's stream
   * @throws {RangeError} If the type is unknown
   * @throws {UnsupportedError} If it is a ping or a pong, and the engine has none
   *
   * @example A message in fragments
   * ```ts
   * import { MessageType } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * const writer = client.nextWriter(MessageType.Text).getWriter();
   * await writer.write("piece ");
   * await writer.write("by piece");
   * await writer.close();
   * assertEquals((await server.readMessage()).data, "piece by piece");
   * await client.close();
   * await server.closed;
   * ```
   */
  nextWriter(
    type: MessageType,
    options?: WaitOptions,
  ): WritableStream<string | Uint8Array> {
    const signal = readWait(options)?.signal;
    if (type !== 1 && type !== 2) {
      checkControlType(type);
      if (type !== 8) this.#require("ping", "send ping or pong");
      return this.#core.openControl(
        (payload) => this.writeControl(type, payload),
        signal,
      );
    }
    return this.#core.openWriter(type, signal);
  }

  /**
   * Sends a value as JSON in a text message (gorilla's `WriteJSON`, without its
   * trailing newline). As {@linkcode Conn.writeMessage} in all else.
   *
   * @param value The value
   * @param options A signal to give up waiting
   * @throws {TypeError} At once, if JSON cannot express the value
   * @throws {Error} As {@linkcode Conn.writeMessage}
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * await client.writeJSON({ name: "Alice" });
   * assertEquals((await server.readMessage()).data, '{"name":"Alice"}');
   * await client.close();
   * await server.closed;
   * ```
   */
  writeJSON(value: unknown, options?: WaitOptions): Promise<void> {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) {
      throw new TypeError(
        `Cannot send value as JSON: ${typeof value} has no JSON form`,
      );
    }
    // JSON.stringify escapes lone surrogates, so the text is well formed.
    return this.#core.outbound.send(1, text, readWait(options));
  }

  /**
   * Sends a prepared message, which is encoded once for all its connections. As
   * {@linkcode Conn.writeMessage} in all else.
   *
   * @param message The message
   * @param options A signal to give up waiting
   * @throws {TypeError} At once, if it is not a prepared message
   * @throws {Error} As {@linkcode Conn.writeMessage}
   *
   * @example To many at once
   * ```ts
   * import { MessageType, PreparedMessage } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const rooms = [pipe(), pipe()];
   * const news = new PreparedMessage(MessageType.Text, "news");
   * for (const [, server] of rooms) server.writePreparedMessage(news);
   *
   * for (const [client, server] of rooms) {
   *   assertEquals((await client.readMessage()).data, "news");
   *   await client.close();
   *   await server.closed;
   * }
   * ```
   */
  writePreparedMessage(
    message: PreparedMessage,
    options?: WaitOptions,
  ): Promise<void> {
    const own = ownPrepared(message);
    if (own === undefined) {
      throw new TypeError(
        "Cannot send prepared message: it must be a PreparedMessage",
      );
    }
    return this.#core.outbound.sendPrepared(own, readWait(options));
  }

  /**
   * A stream that sends each chunk as a message: a `string` as text, a
   * `Uint8Array` as binary. Closing it closes the connection with code 1000;
   * aborting it terminates the connection; a chunk of another type fails it
   * with code 1011. Its promises need not be awaited; but what waits in the
   * stream is lost where the connection is closed by other means than its
   * `close()`. Once the connection is over, each access gives a new stream, which
   * soon errors as the old one did.
   */
  get writable(): WritableStream<string | Uint8Array> {
    // A pipe into a stream that has failed would settle at once.
    if (this.state === "closed") this.#writable = undefined;
    return this.#writable ??= messageWritable(this.#core);
  }

  // Control

  /**
   * Sends a control message (gorilla's `WriteControl`). It overtakes queued
   * data, between frames. A close frame goes out after the messages that have
   * been handed over; those that still wait in the queue are dropped.
   *
   * @param type `MessageType.Close`, `.Ping` or `.Pong`
   * @param data At most 125 bytes; a close payload is what
   * `formatCloseMessage()` returns, or empty
   * @param deadline When to stop waiting for a slow peer; the frame may still
   * go out
   * @throws {RangeError} At once, if the type is not a control type, the
   * payload is too long, the close code may not be sent, or the date is invalid
   * @throws {TypeError} At once, if the data is neither `string` nor
   * `Uint8Array`, or the deadline is no date
   * @throws {UnsupportedError} At once, if the engine has no pings and pongs
   * @throws {CloseSentError} If this side's close frame has been sent
   * @throws {DOMException} `TimeoutError` if the deadline passes
   *
   * @example Usage
   * ```ts
   * import { formatCloseMessage, MessageType } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * const deadline = new Date(Date.now() + 1_000);
   * await client.writeControl(MessageType.Ping, "alive?", deadline);
   * const bye = formatCloseMessage(4000, "bye");
   * await client.writeControl(MessageType.Close, bye);
   * assertEquals((await server.closed).reason, "bye");
   * await client.closed;
   * ```
   */
  writeControl(
    type: ControlType,
    data?: string | Uint8Array,
    deadline?: Date,
  ): Promise<void> {
    const send = this.#checkedControl(type, data);
    const left = deadline === undefined
      ? Infinity
      : timeLeft(deadline, "send control frame");
    if (left <= 0) {
      return rejected(
        new DOMException(
          "Cannot send control frame: the deadline has passed",
          "TimeoutError",
        ),
      );
    }
    return type === 8 ? send() : within(left, send());
  }

  /**
   * Sends a ping and waits for its pong. Keep reading meanwhile: when too much
   * is unread, the peer is stopped, and its pong does not arrive. A pong
   * answers the last ping with its payload, and all pings before that.
   *
   * @param data The payload, at most 125 bytes; default: a unique one
   * @param options A signal to give up waiting
   * @returns The round trip in milliseconds
   * @throws {UnsupportedError} At once, if the engine has no pings
   * @throws {RangeError} At once, if the payload is longer than 125 bytes
   * @throws {TypeError} At once, if it is neither `string` nor `Uint8Array`
   * @throws {DOMException} `TimeoutError` if the peer is alive but no pong with
   * the payload comes within keepalive's `interval` plus twice its `timeout`,
   * or within 30 seconds without keepalive
   * @throws {CloseSentError} If this side's close frame has been sent
   * @throws {CloseError} If the connection ends first
   *
   * @example Is the peer alive?
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assert } from "@std/assert";
   *
   * const [client, server] = pipe();
   * const signal = AbortSignal.timeout(5_000);
   * const milliseconds = await client.ping("alive?", { signal });
   * assert(milliseconds >= 0);
   * await client.close();
   * await server.closed;
   * ```
   */
  ping(data?: string | Uint8Array, options?: WaitOptions): Promise<number> {
    const payload = data === undefined ? undefined : controlPayload(data);
    const signal = readWait(options)?.signal;
    this.#require("ping", "send ping");
    return this.#core.roundTrip(payload, signal);
  }

  /**
   * Sets the handler for pings; `null` restores the default, which answers with
   * a pong of the same payload. Handlers run in the order of the wire, whether
   * or not earlier messages have been read. One that throws or rejects fails
   * the connection with code 1011. While 256 promises of handlers are pending,
   * nothing is read from the peer.
   *
   * @param handler The handler
   * @throws {UnsupportedError} If the engine does not show pings
   *
   * @example Usage
   * ```ts
   * import { MessageType } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * server.setPingHandler((data) => {
   *   server.writeControl(MessageType.Pong, data); // as the default does
   * });
   * assertEquals(typeof await client.ping("1"), "number");
   * await client.close();
   * await server.closed;
   * ```
   */
  setPingHandler(handler: PingHandler | null): void {
    checkHandler("ping", handler);
    if (handler !== null) this.#require("controlHandlers", "set ping handler");
    this.#core.pingHandler = handler ?? undefined;
  }

  /**
   * Sets the handler for pongs, including those that keepalive or
   * {@linkcode Conn.ping} asked for; `null` restores the default, which does
   * nothing. Otherwise as {@linkcode Conn.setPingHandler}.
   *
   * @param handler The handler
   * @throws {UnsupportedError} If the engine does not show pongs
   *
   * @example Usage
   * ```ts
   * import { MessageType } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * const pong = new Promise<string>((resolve) => {
   *   client.setPongHandler((data) => resolve(new TextDecoder().decode(data)));
   * });
   * client.writeControl(MessageType.Ping, "alive?");
   * assertEquals(await pong, "alive?");
   * await client.close();
   * await server.closed;
   * ```
   */
  setPongHandler(handler: PongHandler | null): void {
    checkHandler("pong", handler);
    if (handler !== null) this.#require("controlHandlers", "set pong handler");
    this.#core.pongHandler = handler ?? undefined;
  }

  /**
   * Sets the handler for the peer's close frame, which runs before the reads
   * end; `null` restores the default, which echoes the code. The handler may
   * send its own answer by {@linkcode Conn.close} or
   * {@linkcode Conn.writeControl}. If it has sent none when it is done, or
   * after `closeTimeout`, the code is echoed. Native engines echo the code
   * before the handler runs.
   *
   * @param handler The handler
   *
   * @example An answer of its own
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * server.setCloseHandler((code) => {
   *   server.close(4001, `${code} is noted`);
   * });
   * client.close(4000);
   * assertEquals((await client.closed).reason, "4000 is noted");
   * await server.closed;
   * ```
   */
  setCloseHandler(handler: CloseHandler | null): void {
    checkHandler("close", handler);
    this.#core.closeHandler = handler ?? undefined;
  }

  /** The handler for pings: the one that was set, or the default. */
  get pingHandler(): PingHandler {
    return this.#core.pingHandler ??
      ((data) => this.#core.answerPing(new Uint8Array(controlPayload(data))));
  }

  /** The handler for pongs: the one that was set, or the default. */
  get pongHandler(): PongHandler {
    return this.#core.pongHandler ?? (() => {});
  }

  /** The handler for close frames: the one that was set, or the default. */
  get closeHandler(): CloseHandler {
    return this.#core.closeHandler ??
      ((code) => this.#core.sendClose(code, "").catch(() => {}));
  }

  // Limits and compression

  /**
   * Sets the read limit for messages that begin after the call.
   *
   * @param bytes Bytes of one message after inflation; `Infinity` for none
   * @throws {RangeError} If it is not a positive number of bytes
   * @throws {UnsupportedError} If the engine can only lower it, and it is
   * raised
   *
   * @example Usage
   * ```ts
   * import { ReadLimitError } from "@silverback/websocket";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertRejects } from "@std/assert";
   *
   * const [client, server] = pipe();
   * server.setReadLimit(4);
   * client.send("Hello");
   * await assertRejects(() => server.readMessage(), ReadLimitError);
   * await client.closed;
   * await server.closed;
   * ```
   */
  setReadLimit(bytes: number): void {
    this.#core.transport.setReadLimit(checkReadLimit(bytes));
  }

  /**
   * Sets the time after which reads reject with a `TimeoutError`; `null`
   * removes it. The connection stays usable: once a later deadline is set, the
   * next read gets the message. The deadline is converted to a time from now
   * when it is set, so later changes of the system's clock have no effect.
   *
   * @param at The deadline
   * @throws {RangeError} If the date is invalid
   * @throws {TypeError} If it is no date
   *
   * @example The first message within a time
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertRejects } from "@std/assert";
   *
   * const [client, server] = pipe();
   * server.setReadDeadline(new Date(Date.now() + 10));
   * await assertRejects(() => server.readMessage(), DOMException);
   * server.setReadDeadline(null);
   * await client.close();
   * await server.closed;
   * ```
   */
  setReadDeadline(at: Date | null): void {
    this.#core.inbound.setDeadline(at);
  }

  /**
   * Sets the time after which writes reject with a `TimeoutError`; `null`
   * removes it. If a part of the message has gone out already, the connection
   * is failed. Otherwise as {@linkcode Conn.setReadDeadline}.
   *
   * @param at The deadline
   * @throws {RangeError} If the date is invalid
   * @throws {TypeError} If it is no date
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertRejects } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.setWriteDeadline(new Date(Date.now() - 1));
   * await assertRejects(() => client.send("late"), DOMException);
   * client.setWriteDeadline(null);
   * await client.close();
   * await server.closed;
   * ```
   */
  setWriteDeadline(at: Date | null): void {
    this.#core.outbound.setDeadline(at);
  }

  /**
   * Switches compression on or off for the messages sent after this call. No
   * effect where compression was not agreed on.
   *
   * @param enable Whether to compress; initially `true`
   *
   * @example A secret is not compressed
   * ```ts no-assert
   * import { type Conn } from "@silverback/websocket";
   *
   * export function sendSecret(conn: Conn, secret: string): void {
   *   conn.enableWriteCompression(false);
   *   conn.send(secret);
   *   conn.enableWriteCompression(true);
   * }
   * ```
   */
  enableWriteCompression(enable: boolean): void {
    this.#core.transport.enableWriteCompression(enable);
  }

  /**
   * Sets the level of compression for the messages after this call. No effect
   * where compression was not agreed on, or where the runtime compresses.
   *
   * @param level zlib's: -2 (Huffman only), -1 (default), 0 (none) to 9 (best)
   * @throws {RangeError} If the level is not an integer from -2 to 9
   *
   * @example Small rather than fast
   * ```ts no-assert
   * import { type Conn } from "@silverback/websocket";
   *
   * export function onConn(conn: Conn): Promise<void> {
   *   conn.setCompressionLevel(9);
   *   return conn.writeJSON({ archive: [1, 2, 3] });
   * }
   * ```
   */
  setCompressionLevel(level: number): void {
    if (!Number.isInteger(level) || level < -2 || level > 9) {
      throw new RangeError(
        `Cannot set compression level ${shown(level)}: use -2 to 9`,
      );
    }
    this.#core.transport.setCompressionLevel(level);
  }

  // Ending

  /**
   * Closes the connection by the closing handshake (RFC 6455, section 7.1.2):
   * sends a close frame after the queued messages and waits for the peer's.
   * Messages that come meanwhile can still be read; if nobody reads, those
   * beyond `readBufferSize` are dropped. An open writer is aborted. Safe to
   * call more than once: later calls only wait.
   *
   * @param code The close code; default: 1000. A relay may pass on any code
   * that it received: 1005 sends a close frame without a code, 1006 and 1015
   * terminate
   * @param reason The reason; default: none. It is cut off at a character after
   * 123 bytes of UTF-8, so that any error's message will do
   * @param options The time that it may take before the connection is cut
   * @returns How the connection ended, as {@linkcode Conn.closed}
   * @throws {RangeError} At once, if the code is not a close code, or the
   * timeout is out of range
   * @throws {TypeError} At once, if the reason is not a string
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * const info = await client.close(4000, "enough");
   * assertEquals([info.code, info.wasClean], [4000, true]);
   * assertEquals((await server.closed).reason, "enough");
   * ```
   */
  close(
    code?: number,
    reason?: string,
    options?: CloseOptions,
  ): Promise<CloseInfo> {
    if (code === undefined) code = 1000;
    if (reason === undefined) reason = "";
    checkCloseCode(code);
    this.#core.transport.checkClose?.(code);
    const { timeout: given } = readOptions(options, CLOSE_OPTIONS);
    const timeout = given === undefined
      ? undefined
      : milliseconds("timeout", given);
    return this.#core.close(code, fitCloseReason(reason), timeout);
  }

  /**
   * Cuts the connection without a closing handshake (gorilla's `Close`). What
   * has not gone out is lost. Where `capabilities.terminate` is `false`, this
   * `Conn` ends, but the runtime keeps the socket until the peer disconnects.
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.terminate();
   * assertEquals((await client.closed).wasClean, false);
   * assertEquals((await server.closed).code, 1006);
   * ```
   */
  terminate(): void {
    this.#core.terminate();
  }

  /** How the connection ended; never rejects.
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * client.close(1001, "moving");
   * assertEquals(await server.closed, {
   *   code: 1001,
   *   reason: "moving",
   *   wasClean: true,
   *   initiator: "remote",
   * });
   * await client.closed;
   * ```
   */
  get closed(): Promise<CloseInfo> {
    return this.#core.ending.closed;
  }

  /**
   * Closes with code 1000, and cuts the connection after `closeTimeout`.
   *
   * @example At the end of a block
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * {
   *   await using conn = client;
   *   await conn.send("Hello");
   * }
   * assertEquals((await server.closed).code, 1000);
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  static {
    Object.defineProperty(Conn.prototype, JOIN, {
      value(this: Conn, term: string) {
        return joined(this.#core.inbound, term);
      },
    });
    outboundOf = (conn) => #core in conn ? conn.#core.outbound : undefined;
    Object.defineProperty(Conn.prototype, INSIDE, {
      value(this: Conn): Inside {
        return this.#core;
      },
    });
  }

  // Checks all there is to check; what it returns sends the message.
  #checkedControl(
    type: number,
    data: string | Uint8Array | undefined,
  ): () => Promise<void> {
    checkControlType(type);
    const payload = controlPayload(data);
    if (type !== 8) {
      this.#require("ping", "send ping or pong");
      return () => this.#core.sendControl(type, payload);
    }
    const { code, reason } = parseCloseToSend(payload);
    this.#core.transport.checkClose?.(code);
    return () => this.#core.sendClose(code, reason);
  }

  #require(capability: "ping" | "controlHandlers", action: string): void {
    const { transport } = this.#core;
    if (transport.capabilities[capability]) return;
    throw new UnsupportedError(
      `Cannot ${action}: ${transport.description} has no pings and pongs, use the wire engine`,
    );
  }
}

function checkHandler(name: string, handler: unknown): void {
  if (handler === null || typeof handler === "function") return;
  throw new TypeError(
    `Cannot set ${name} handler: it must be a function or null, got ${
      nameOf(handler)
    }`,
  );
}

function checkControlType(type: number): asserts type is 8 | 9 | 10 {
  if (type !== 8 && type !== 9 && type !== 10) {
    throw new RangeError(
      `Cannot send message of type ${
        shown(type)
      }: use MessageType.Text, .Binary, .Close, .Ping or .Pong`,
    );
  }
}

// Waits for a control frame to be taken, for a limited time.
function within(left: number, promise: Promise<void>): Promise<void> {
  if (left === Infinity) return promise;
  const { promise: late, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () =>
      reject(
        new DOMException(
          "Cannot send control frame: the deadline has passed",
          "TimeoutError",
        ),
      ),
    timerDelay(left),
  );
  const forget = () => clearTimeout(timer);
  promise.then(forget, forget);
  return handled(Promise.race([promise, late]));
}
