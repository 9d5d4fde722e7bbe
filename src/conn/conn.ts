// The whole of what users hold, with its documentation: one class, each method a
// few lines over the rooms beside it. Longer than 300 lines by its comments.

import { type CloseInfo, formatCloseMessage } from "../close.ts";
import { UnsupportedError } from "../errors.ts";
import type { ControlType, Message, MessageType } from "../message.ts";
import { PreparedMessage } from "../prepared.ts";
import type {
  Addr,
  Capabilities,
  Engine,
  Transport,
} from "../transport/transport.ts";
import { Core } from "./core.ts";
import type { ConnState } from "./ending.ts";
import type { CloseHandler, PingHandler, PongHandler } from "./handlers.ts";
import { MessageIterator } from "./message_iterator.ts";
import type { MessageReader } from "./message_reader.ts";
import { MessageSink } from "./message_writer.ts";
import { checkReadLimit, type ConnSettings, milliseconds } from "./options.ts";
import { controlPayload, parseCloseToSend } from "./payload.ts";
import { handled, rejected, RESOLVED, type WaitOptions } from "./promises.ts";
import { givesBack } from "./recycling.ts";
import {
  controlWritable,
  messageReadable,
  messageWritable,
} from "./streams.ts";

/** Options of {@linkcode Conn.close}. */
export interface CloseOptions {
  /**
   * Milliseconds that the closing handshake may take before the connection is
   * cut.
   *
   * @default {closeTimeout of the Upgrader or the Dialer}
   */
  readonly timeout?: number;
}

const SECRET = Symbol("Conn");

/** Makes a Conn over a transport, for the rooms that introduce the two. */
export function createConn(transport: Transport, settings: ConnSettings): Conn {
  return new Conn(SECRET as never, new Core(transport, settings) as never);
}

/** Calls once when the connection is over; for one caller, and cheaper than `conn.closed`. */
export let whenEnded: (conn: Conn, run: () => void) => void;

/**
 * A WebSocket connection, server's or client's, on either engine.
 *
 * One read may wait at a time; writes may come from anywhere and go out whole,
 * first in first out. Every promise of a write, control or close method may be
 * left without an `await`: its failure is seen by the next read and in
 * {@linkcode Conn.closed}.
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
 */
export class Conn implements AsyncIterable<Message>, AsyncDisposable {
  readonly #core: Core;
  #readable: ReadableStream<string | Uint8Array<ArrayBuffer>> | undefined;
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

  /** What the engine can do; the rest throws an {@linkcode UnsupportedError}. */
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

  /** The subprotocol agreed on, or an empty string. */
  get subprotocol(): string {
    return this.#core.transport.subprotocol;
  }

  /** This side's address, where the engine knows it. */
  get localAddr(): Addr | undefined {
    return this.#core.transport.localAddr;
  }

  /** The peer's address, where the engine knows it. Behind a proxy, the proxy's. */
  get remoteAddr(): Addr | undefined {
    return this.#core.transport.remoteAddr;
  }

  /** Bytes that have been sent and not yet been taken by the operating system. */
  get bufferedAmount(): number {
    return this.#core.transport.bufferedAmount + this.#core.outbound.queued;
  }

  // Reading

  /**
   * Reads the next message (gorilla's `ReadMessage`). What was left unread of a
   * message from {@linkcode Conn.nextReader} is dropped.
   *
   * A read that is given up by its signal or by the read deadline does not fail
   * the connection: the next read gets the message.
   *
   * @param options A signal to give up waiting
   * @returns The message
   * @throws {CloseError} If the peer has closed the connection or the network
   * has cut it (code 1006)
   * @throws {ProtocolError} If the peer broke the protocol
   * @throws {ReadLimitError} If a message exceeds the read limit
   * @throws {DOMException} `InvalidStateError` if another read is waiting;
   * `TimeoutError` if the read deadline passes or the peer is given up by
   * keepalive
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
   * ```
   */
  readMessage(options?: WaitOptions): Promise<Message> {
    return this.#core.inbound.readMessage(options);
  }

  /**
   * Waits for the beginning of the next message and reads it piece by piece
   * (gorilla's `NextReader`). Where `capabilities.streaming` is no, the message
   * is buffered whole before. Errors are those of
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
   * ```
   */
  nextReader(options?: WaitOptions): Promise<MessageReader> {
    return this.#core.inbound.nextReader(options);
  }

  /**
   * Reads the next message as JSON (gorilla's `ReadJSON`), of whatever type it
   * is. Errors are those of {@linkcode Conn.readMessage}.
   *
   * @typeParam T What the value is taken for, unchecked
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
   * ```
   */
  async readJSON<T = unknown>(options?: WaitOptions): Promise<T> {
    const { data } = await this.#core.inbound.readMessage(options);
    return JSON.parse(
      typeof data === "string" ? data : new TextDecoder().decode(data),
    ) as T;
  }

  /**
   * Reads message after message. Ends when the peer closes with 1000, 1001 or
   * no code; throws what {@linkcode Conn.readMessage} throws at any other end.
   * `break` leaves the connection open.
   *
   * @returns The messages to come
   * @throws {Error} As {@linkcode Conn.readMessage}, at the step that meets it
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
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined> {
    return new MessageIterator(this.#core.inbound);
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
   * server.readable.pipeTo(server.writable);
   *
   * await client.send("Hello");
   * assertEquals((await client.readMessage()).data, "Hello");
   * await client.close();
   * ```
   */
  get readable(): ReadableStream<string | Uint8Array<ArrayBuffer>> {
    return this.#readable ??= messageReadable(this.#core);
  }

  // Writing

  /**
   * Sends a message (gorilla's `WriteMessage`). Control types go the way of
   * {@linkcode Conn.writeControl}.
   *
   * A payload of up to 16 KiB is copied before the call returns; a larger one
   * must not be changed before the promise settles. The promise fulfils when
   * the queue is under its high-water mark (`writeBufferSize`, at least 64 KiB)
   * and a large payload has been taken whole, not when the peer has it. A
   * write that is given up by its signal or by the write deadline is taken
   * back; if a part of it has gone out, the connection is failed.
   *
   * @param type The type; text may be given as UTF-8 bytes, binary as a string
   * that is sent as UTF-8
   * @param data The payload
   * @param options A signal to give up waiting
   * @throws {TypeError} If the data is neither `string` nor `Uint8Array`, or is
   * text that is not well-formed
   * @throws {RangeError} If the type is unknown, or a control payload is longer
   * than 125 bytes
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
   * ```
   */
  writeMessage(
    type: MessageType,
    data: string | Uint8Array,
    options?: WaitOptions,
  ): Promise<void> {
    if (type === 1 || type === 2) {
      return this.#core.outbound.send(type, data, options);
    }
    if (options?.signal?.aborted) return rejected(options.signal.reason);
    return this.writeControl(type, data);
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
   * ```
   */
  send(data: string | Uint8Array, options?: WaitOptions): Promise<void> {
    return this.#core.outbound.send(
      typeof data === "string" ? 1 : 2,
      data,
      options,
    );
  }

  /**
   * Opens a writer for one message (gorilla's `NextWriter`), which is sent in
   * fragments as it is written and ends when the writer is closed. Other data
   * messages wait meanwhile; one that waits for `closeTimeout` while the writer
   * writes nothing fails the connection. In a text message, a surrogate pair
   * or a UTF-8 sequence may be split over chunks. Aborting a writer that has
   * begun fails the connection, as the message cannot be taken back. Where
   * `capabilities.streaming` is no, the message is buffered and sent whole.
   *
   * @param type The type; a control message goes out when its writer is closed
   * @param options A signal that aborts the writer
   * @returns The writer's stream
   * @throws {RangeError} If the type is unknown
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
   * ```
   */
  nextWriter(
    type: MessageType,
    options?: WaitOptions,
  ): WritableStream<string | Uint8Array> {
    if (type !== 1 && type !== 2) {
      checkControlType(type);
      return controlWritable(
        (payload) => this.writeControl(type, payload),
        options?.signal,
      );
    }
    const { transport, outbound, settings } = this.#core;
    const sink = new MessageSink(
      type,
      settings.writeBufferSize,
      transport,
      outbound,
      this.#core,
    );
    const stream = new WritableStream(sink);
    sink.open(options?.signal);
    return givesBack(stream);
  }

  /**
   * Sends a value as JSON in a text message (gorilla's `WriteJSON`, without its
   * trailing newline). As {@linkcode Conn.writeMessage} in all else.
   *
   * @param value The value
   * @param options A signal to give up waiting
   * @throws {TypeError} If JSON cannot express the value
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
   * ```
   */
  writeJSON(value: unknown, options?: WaitOptions): Promise<void> {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (error) {
      return rejected(error);
    }
    if (text === undefined) {
      return rejected(
        new TypeError(
          `Cannot send value as JSON: ${typeof value} has no JSON form`,
        ),
      );
    }
    // A lone surrogate is escaped by JSON.stringify.
    return this.#core.outbound.send(1, text, options);
  }

  /**
   * Sends a prepared message, encoded once for all connections that it goes to.
   * As {@linkcode Conn.writeMessage} in all else.
   *
   * @param message The message
   * @param options A signal to give up waiting
   * @throws {TypeError} If it is no prepared message
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
   * for (const [client] of rooms) {
   *   assertEquals((await client.readMessage()).data, "news");
   *   await client.close();
   * }
   * ```
   */
  writePreparedMessage(
    message: PreparedMessage,
    options?: WaitOptions,
  ): Promise<void> {
    if (!(message instanceof PreparedMessage)) {
      return rejected(
        new TypeError(
          "Cannot send prepared message: it must be a PreparedMessage",
        ),
      );
    }
    return this.#core.outbound.sendPrepared(message, options);
  }

  /**
   * A stream whose every chunk becomes a message, text or binary by its type.
   * Closing it closes the connection with code 1000, aborting it terminates
   * the connection.
   */
  get writable(): WritableStream<string | Uint8Array> {
    return this.#writable ??= messageWritable(this.#core);
  }

  // Control

  /**
   * Sends a control message (gorilla's `WriteControl`). It overtakes queued data,
   * between frames; a close frame stands behind what has been handed over and
   * what waits is dropped.
   *
   * @param type `MessageType.Close`, `.Ping` or `.Pong`
   * @param data At most 125 bytes; a close payload is what
   * `formatCloseMessage()` makes, or empty
   * @param deadline When to give up waiting for a slow peer; the frame may go
   * out all the same
   * @throws {RangeError} If the type is no control type, the payload is too
   * long, the close code may not be sent, or the date is invalid
   * @throws {TypeError} If the data is neither `string` nor `Uint8Array`
   * @throws {CloseSentError} If this side's close frame has been sent
   * @throws {UnsupportedError} If the engine has no pings and pongs
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
   * await client.writeControl(MessageType.Close, formatCloseMessage(4000, "bye"));
   * assertEquals((await server.closed).reason, "bye");
   * ```
   */
  writeControl(
    type: ControlType,
    data?: string | Uint8Array,
    deadline?: Date,
  ): Promise<void> {
    try {
      checkControlType(type);
      const payload = controlPayload(data);
      const at = deadline?.getTime() ?? Infinity;
      if (Number.isNaN(at)) {
        throw new RangeError("Cannot send control frame: invalid date");
      }
      if (at <= Date.now()) {
        throw new DOMException(
          "Cannot send control frame: the deadline has passed",
          "TimeoutError",
        );
      }
      if (type === 8) {
        const { code, reason } = parseCloseToSend(payload);
        return this.#core.sendClose(code, reason);
      }
      this.#require("ping", "send ping or pong");
      return before(deadline, this.#core.sendControl(type, payload));
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Sends a ping and waits for its pong. Needs somebody who reads: a
   * connection whose peer is stopped for want of a reader gets no pong. A pong
   * ends the wait of all pings with its payload, and of those before.
   *
   * @param data The payload, at most 125 bytes; default: one that no other ping
   * has
   * @param options A signal to give up waiting
   * @returns The round trip in milliseconds
   * @throws {UnsupportedError} If the engine has no pings
   * @throws {RangeError} If the payload is longer than 125 bytes
   * @throws {TypeError} If the payload is neither `string` nor `Uint8Array`
   * @throws {CloseSentError} If this side's close frame has been sent
   * @throws {CloseError} If the connection ends before
   *
   * @example Is the peer alive?
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assert } from "@std/assert";
   *
   * const [client] = pipe();
   * const signal = AbortSignal.timeout(5_000);
   * const milliseconds = await client.ping("alive?", { signal });
   * assert(milliseconds >= 0);
   * await client.close();
   * ```
   */
  ping(data?: string | Uint8Array, options?: WaitOptions): Promise<number> {
    try {
      const payload = data === undefined ? undefined : controlPayload(data);
      this.#require("ping", "send ping");
      return this.#core.roundTrip(payload, options?.signal);
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Sets what runs when a ping has come; `null` restores the default, a pong
   * with the same payload. Handlers run in the order of the wire, whether or
   * not earlier messages have been read. A throw or a rejection fails the
   * connection with code 1011.
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
   * ```
   */
  setPingHandler(handler: PingHandler | null): void {
    if (handler !== null) this.#require("controlHandlers", "set ping handler");
    this.#core.pingHandler = handler ?? undefined;
  }

  /**
   * Sets what runs when a pong has come, also one that keepalive or
   * {@linkcode Conn.ping} asked for; `null` restores the default, nothing.
   * Otherwise as {@linkcode Conn.setPingHandler}.
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
   * const [client] = pipe();
   * const pong = new Promise<string>((resolve) => {
   *   client.setPongHandler((data) => resolve(new TextDecoder().decode(data)));
   * });
   * client.writeControl(MessageType.Ping, "alive?");
   * assertEquals(await pong, "alive?");
   * await client.close();
   * ```
   */
  setPongHandler(handler: PongHandler | null): void {
    if (handler !== null) this.#require("controlHandlers", "set pong handler");
    this.#core.pongHandler = handler ?? undefined;
  }

  /**
   * Sets what runs when the peer's close frame has come, before the reads end;
   * `null` restores the default, an echo of the code. The handler may send its
   * own answer by {@linkcode Conn.close} or {@linkcode Conn.writeControl};
   * if it has not when it is done, at the latest after `closeTimeout`, the code is
   * echoed. Native engines have echoed it before.
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
   * ```
   */
  setCloseHandler(handler: CloseHandler | null): void {
    this.#core.closeHandler = handler ?? undefined;
  }

  /** What runs when a ping has come. */
  get pingHandler(): PingHandler {
    return this.#core.pingHandler ??
      ((data) => this.#core.answerPing(new Uint8Array(controlPayload(data))));
  }

  /** What runs when a pong has come. */
  get pongHandler(): PongHandler {
    return this.#core.pongHandler ?? (() => {});
  }

  /** What runs when the peer's close frame has come. */
  get closeHandler(): CloseHandler {
    return this.#core.closeHandler ??
      ((code) => this.#core.sendClose(code, "").catch(() => {}));
  }

  // Limits and compression

  /**
   * Sets the read limit for the messages that begin after the call.
   *
   * @param bytes Bytes of one message after inflation; `Infinity` for none
   * @throws {RangeError} If it is not a positive number of bytes
   * @throws {UnsupportedError} If the engine can only lower it, and it is raised
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
   * ```
   */
  setReadLimit(bytes: number): void {
    this.#core.transport.setReadLimit(checkReadLimit(bytes));
  }

  /**
   * Sets the time after which reads reject with a `TimeoutError`; `null`: never.
   * The connection stays usable: a read after a later deadline is set gets the
   * message.
   *
   * @param at The deadline
   * @throws {RangeError} If the date is invalid
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
   * ```
   */
  setReadDeadline(at: Date | null): void {
    this.#core.inbound.setDeadline(at);
  }

  /**
   * Sets the time after which writes reject with a `TimeoutError`; `null`:
   * never. A message of which a part has gone out fails the connection.
   *
   * @param at The deadline
   * @throws {RangeError} If the date is invalid
   *
   * @example Usage
   * ```ts
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertRejects } from "@std/assert";
   *
   * const [client] = pipe();
   * client.setWriteDeadline(new Date(Date.now() - 1));
   * await assertRejects(() => client.send("late"), DOMException);
   * client.setWriteDeadline(null);
   * await client.close();
   * ```
   */
  setWriteDeadline(at: Date | null): void {
    this.#core.outbound.setDeadline(at);
  }

  /**
   * Whether the messages after this call are compressed. No effect where
   * compression was not agreed on.
   *
   * @param enable Whether to compress; at first `true`
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
        `Cannot set compression level ${level}: use -2 to 9`,
      );
    }
    this.#core.transport.setCompressionLevel(level);
  }

  // Ending

  /**
   * Closes the connection by the closing handshake (RFC 6455, section 7.1.2): the
   * close frame goes out behind queued messages, the peer's answer is waited
   * for, and messages that come meanwhile can still be read; where nobody goes
   * on reading, what exceeds `readBufferSize` is dropped. An open writer is
   * aborted. Safe to call more than once: later calls only wait.
   *
   * @param code The close code
   * @param reason At most 123 bytes of UTF-8
   * @param options The time that it may take before the connection is cut
   * @returns How the connection ended, as {@linkcode Conn.closed}
   * @throws {RangeError} If the code may not be sent, or the reason is too long
   * @throws {TypeError} If the reason is not a well-formed string
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
    code = 1000,
    reason = "",
    options?: CloseOptions,
  ): Promise<CloseInfo> {
    try {
      checkClose(code, reason);
      const timeout = options?.timeout === undefined
        ? this.#core.settings.closeTimeout
        : milliseconds("timeout", options.timeout);
      return this.#core.close(code, reason, timeout);
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Cuts the connection without a closing handshake (gorilla's `Close`). What has
   * not gone out is lost. Where `capabilities.terminate` is no, this `Conn` ends
   * and the socket stays with the runtime until the peer goes.
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

  /**
   * How the connection ended: fulfils once, never rejects.
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
    whenEnded = (conn, run) => {
      const core = conn.#core;
      if (core.ending.state === "closed") run();
      else core.onEnded = run;
    };
  }

  #require(capability: "ping" | "controlHandlers", action: string): void {
    const { transport } = this.#core;
    if (transport.capabilities[capability]) return;
    throw new UnsupportedError(
      `Cannot ${action}: ${transport.description} has no pings and pongs, use the wire engine`,
    );
  }
}

function checkControlType(type: number): void {
  if (type !== 8 && type !== 9 && type !== 10) {
    throw new RangeError(
      `Cannot send message of type ${type}: use MessageType.Text, .Binary, .Close, .Ping or .Pong`,
    );
  }
}

function checkClose(code: number, reason: string): void {
  if (code === 1005) {
    throw new RangeError(
      "Cannot send close code 1005: it stands for no code, use writeControl(MessageType.Close)",
    );
  }
  formatCloseMessage(code, reason);
}

// The wait for a control frame to be taken, bounded.
function before(
  deadline: Date | undefined,
  promise: Promise<void>,
): Promise<void> {
  if (deadline === undefined || promise === RESOLVED) return promise;
  const { promise: late, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () =>
      reject(
        new DOMException(
          "Cannot send control frame: the deadline has passed",
          "TimeoutError",
        ),
      ),
    Math.min(deadline.getTime() - Date.now(), 2 ** 31 - 1),
  );
  const forget = () => clearTimeout(timer);
  promise.then(forget, forget);
  return handled(Promise.race([promise, late]));
}
