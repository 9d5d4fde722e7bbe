import type { DataType } from "../message.ts";
import type { PreparedBatch, PreparedMessage } from "../prepared.ts";

/** The engines: our own over a byte stream, and the runtime's own WebSocket. */
export type Engine = "wire" | "native";

/**
 * The side of a connection: RFC 6455 has different rules for servers and
 * clients.
 */
export type Side = "server" | "client";

/**
 * What an engine can do, by name. {@linkcode Capabilities} says what each name
 * means.
 */
export type Capability = keyof Capabilities;

/** What a connection's engine can do. */
export interface Capabilities {
  /** Sends pings and pongs, and measures round trips. */
  readonly ping: boolean;
  /** Runs ping and pong handlers. */
  readonly controlHandlers: boolean;
  /** Runs the close handler. */
  readonly closeHandler: boolean;
  /**
   * Reads and writes messages piece by piece; otherwise, each is buffered
   * whole.
   */
  readonly streaming: boolean;
  /** Compresses messages (RFC 7692). */
  readonly compression: boolean;
  /** Stops the peer when nobody reads, by TCP's flow control. */
  readonly readBackpressure: boolean;
  /** Refuses a message over the read limit before it is buffered. */
  readonly readLimit: boolean;
  /** Fails a connection whose peer does not read. */
  readonly writeLimit: boolean;
  /** Waits for the peer's close frame. */
  readonly closeHandshake: boolean;
  /** Cuts the connection at once. */
  readonly terminate: boolean;
}

/** A network address. */
export type Addr = {
  /** TCP, with TLS or without. */
  readonly transport: "tcp";
  /** The host's IP address. */
  readonly hostname: string;
  /** The port; 0 if the runtime does not report it. */
  readonly port: number;
} | {
  /** A Unix domain socket. */
  readonly transport: "unix";
  /** The socket's path. */
  readonly path: string;
};

/**
 * Payloads of up to this many bytes are copied before a `send` returns; larger
 * ones may be sent by reference until its promise settles.
 */
export const COPY_LIMIT = 16_384;

/**
 * The port that `Conn` stands on: messages and control frames, on every engine.
 *
 * The data methods return `undefined` when the transport can take more at once,
 * or a promise that settles when it can: when the queue is below its high-water
 * mark again, and, for a payload over {@linkcode COPY_LIMIT}, when its last
 * byte has been taken. The caller sends nothing more before that. The promise
 * rejects only when the connection has ended. Once nothing can be sent any
 * more, they and {@linkcode Transport.sendControl} throw a `CloseError`, even
 * before `ended` has been called. The caller has validated all arguments. After
 * {@linkcode Transport.close}, {@linkcode Transport.fail} or
 * {@linkcode Transport.terminate} no data method is called, and calls of the
 * other methods have no effect that a peer sees.
 */
export interface Transport {
  /** The engine's name. */
  readonly engine: Engine;
  /** What this transport can do. */
  readonly capabilities: Capabilities;
  /** What error messages call it: `"the native engine on Deno"`. */
  readonly description: string;
  /** The subprotocol agreed on, or an empty string. */
  readonly subprotocol: string;
  /** The extensions agreed on, as the header has them; absent where that is not known. */
  readonly extensions?: string;
  /** This side's address, if it is known. */
  readonly localAddr: Addr | undefined;
  /** The peer's address, if it is known. */
  readonly remoteAddr: Addr | undefined;
  /**
   * Bytes that were sent but not yet taken by the operating system, as far as
   * the engine knows.
   */
  readonly bufferedAmount: number;
  /**
   * A number that grows with what the operating system takes. Only comparable
   * while nothing more is sent.
   */
  readonly taken: number;
  /**
   * A number that grows with everything received, so that keepalive sees
   * traffic of any kind.
   */
  readonly received: number;
  /** What has gone through so far. */
  readonly counts: TransportCounts;

  /**
   * Sets the receiver and lets events flow. Called once. Events that came
   * before are delivered first, in order, but only after the caller of `start`
   * has had a turn of the event loop to set its handlers.
   */
  start(receiver: TransportReceiver): void;
  /**
   * Stops reading; what has already been read may still be delivered. It does
   * nothing where `readBackpressure` is `false`.
   */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /** The reader is idle: what has been gathered should go out now. */
  flush(): void;
  /**
   * Flushes, and waits until the operating system has taken all messages that were
   * sent; absent where the engine does not know. Rejects if it will not take them.
   */
  written?(): Promise<void>;

  /** Sends a whole data message. */
  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined;
  /** Sends a message that may have been encoded before. */
  sendPrepared(message: PreparedMessage): Promise<void> | undefined;
  /**
   * Sends several such messages as one: at most 64 KiB, for which it is cheaper.
   * `false` where they have to be sent one by one; nothing has been sent then.
   */
  sendBatch?(batch: PreparedBatch): Promise<void> | undefined | false;
  /**
   * Sends a fragment, with `type` 0 for all but the first of a message. Only
   * where `streaming` is `true`.
   */
  sendFragment(
    type: DataType | 0,
    data: Uint8Array,
    fin: boolean,
  ): Promise<void> | undefined;
  /**
   * Sends a ping or a pong, ahead of queued data. Only where `ping` is `true`.
   * A pong that is an `answer` and still waits may be replaced by a later one
   * (RFC 6455, section 5.5.3); its payload belongs to the transport from now
   * on.
   */
  sendControl(
    type: 9 | 10,
    payload: Uint8Array,
    answer?: boolean,
  ): Promise<void> | undefined;

  /**
   * Sends a close frame after what was sent, and ends the connection once the
   * peer's has come; `code` 1005 sends an empty one. The caller limits the wait
   * by calling {@linkcode Transport.terminate}. Called at most once.
   *
   * @returns A promise that fulfils when the operating system has taken the
   * close frame, or `undefined` if it already has
   */
  close(code: number, reason: string): Promise<void> | undefined;
  /**
   * Throws an `UnsupportedError` for a close code that cannot be sent; absent where all
   * can.
   */
  checkClose?(code: number): void;
  /**
   * Fails the connection (RFC 6455, section 7.1.7): tries to send a close frame
   * with the code, reads no more, and ends.
   */
  fail(code: number, reason: string): void;
  /** Cuts the connection. `ended` is called, before or after this returns. */
  terminate(): void;

  /**
   * Sets the largest size of a received message, for messages that begin after
   * the call.
   */
  setReadLimit(bytes: number): void;
  /**
   * Whether the messages after this call are compressed, where compression was
   * agreed on.
   */
  enableWriteCompression(enable: boolean): void;
  /** The level of compression, -2 to 9, for the messages after this call. */
  setCompressionLevel(level: number): void;
}

/** What a transport counts; bytes of the wire only where it knows them. */
export interface TransportCounts {
  /** Bytes of payload that have come, inflated. */
  readonly bytesReceived: number;
  /** All bytes that have come. */
  readonly wireBytesReceived: number | undefined;
  /** Whole data messages that were sent. */
  readonly messagesSent: number;
  /** Bytes of payload that were sent, before they were compressed. */
  readonly bytesSent: number;
  /** All bytes that were sent. */
  readonly wireBytesSent: number | undefined;
}

/**
 * What a Transport calls, in the order of the wire. Nothing is called after
 * `ended`, and no message comes after `closeReceived` or `failed`.
 */
export interface TransportReceiver {
  /** A whole message. The receiver may keep its bytes. */
  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void;
  /**
   * The beginning of a message that comes in pieces. Only where `streaming` is
   * `true`.
   */
  messageStart(type: DataType, size?: number): void;
  /**
   * A piece of the message, which the receiver may keep; together, the pieces
   * of a text are valid UTF-8. If `freed`, its memory is freed at once if the
   * receiver copies it and returns `true`.
   */
  messageData(data: Uint8Array<ArrayBuffer>, freed?: boolean): boolean | void;
  /** The end of the message in pieces. */
  messageEnd(): void;
  /** A ping. If `answered`, the runtime has already sent the pong. */
  ping(payload: Uint8Array<ArrayBuffer>, answered: boolean): void;
  /** A pong. */
  pong(payload: Uint8Array<ArrayBuffer>): void;
  /**
   * The peer's close frame; code 1005 if it was empty. If `answered`, the
   * runtime has already echoed it.
   */
  closeReceived(code: number, reason: string, answered: boolean): void;
  /**
   * The transport has failed the connection by its own rules, and its close
   * frame is being sent. Reading is over.
   */
  failed(error: Error): void;
  /** The connection is over. Called exactly once, and last. */
  ended(end: TransportEnd): void;
}

/** What a transport knows of an end. */
export interface TransportEnd {
  /** The error of the socket, if there was one. */
  readonly cause?: unknown;
  /**
   * The code to report as the peer's, where the engine has no closing
   * handshake.
   */
  readonly code?: number;
  /** The reason to report with `code`. */
  readonly reason?: string;
}
