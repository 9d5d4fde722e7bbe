import type { DataType } from "../message.ts";
import type { PreparedMessage } from "../prepared.ts";

/** The engines: our own over a byte stream, and the runtime's own WebSocket. */
export type Engine = "wire" | "native";

/** The side of a connection: RFC 6455 asks other things of a server than of a client. */
export type Side = "server" | "client";

/** What an engine can do, by name. {@linkcode Capabilities} says what each name means. */
export type Capability = keyof Capabilities;

/** What a connection's engine can do. */
export interface Capabilities {
  /** Sends pings and pongs, and measures round trips. */
  readonly ping: boolean;
  /** Runs ping and pong handlers. */
  readonly controlHandlers: boolean;
  /** Runs the close handler. */
  readonly closeHandler: boolean;
  /** Reads and writes messages piece by piece; otherwise they are buffered whole. */
  readonly streaming: boolean;
  /** Compresses messages (RFC 7692). */
  readonly compression: boolean;
  /** Stops the peer when nobody reads. */
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
  /** The port; 0 where the runtime does not tell it. */
  readonly port: number;
} | {
  /** A Unix domain socket. */
  readonly transport: "unix";
  /** The socket's path. */
  readonly path: string;
};

/**
 * Payloads of up to this many bytes are copied before a `send` returns; larger ones may be sent by reference until its promise
 * settles.
 */
export const COPY_LIMIT = 16_384;

/**
 * The port that `Conn` stands on: messages and control frames, whoever carries them.
 *
 * The data methods return `undefined` when the transport can take more at once, or a promise that settles when it can:
 * when the queue is under its high-water mark again, and, for a payload over {@linkcode COPY_LIMIT}, when the last byte
 * is taken. The caller sends nothing more before that. The promise rejects only when the connection has ended.
 * Arguments have been validated by the caller. After {@linkcode Transport.close}, {@linkcode Transport.fail} or
 * {@linkcode Transport.terminate} no data method is called, and calls of the other methods have no effect that a peer sees.
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
  /** This side's address, if it is known. */
  readonly localAddr: Addr | undefined;
  /** The peer's address, if it is known. */
  readonly remoteAddr: Addr | undefined;
  /** Bytes that were sent but not yet taken by the operating system, as far as the engine knows. */
  readonly bufferedAmount: number;
  /** A number that grows with everything that is received, so that keepalive sees traffic of any kind. */
  readonly received: number;

  /**
   * Names the receiver, once, and lets events flow: first those that came before, in order, but none before the caller of
   * `start` had a turn of the event loop to set its handlers.
   */
  start(receiver: TransportReceiver): void;
  /** Stops reading; what has been read already may still be delivered. Nothing where `readBackpressure` is no. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /** Hints that the reader is idle: what has been gathered should go out now. */
  flush(): void;

  /** Sends a whole data message. */
  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined;
  /** Sends a message that may have been encoded before. */
  sendPrepared(message: PreparedMessage): Promise<void> | undefined;
  /** Sends a fragment: `type` with the first of a message, 0 with the others. Only where `streaming` is yes. */
  sendFragment(
    type: DataType | 0,
    data: Uint8Array,
    fin: boolean,
  ): Promise<void> | undefined;
  /**
   * Sends a ping or a pong, ahead of queued data. Only where `ping` is yes.
   * While an answer to a ping waits, a later one may take its place (RFC 6455,
   * section 5.5.3); its payload is the transport's own from now on.
   */
  sendControl(
    type: 9 | 10,
    payload: Uint8Array,
    answer?: boolean,
  ): Promise<void> | undefined;

  /**
   * Sends a close frame behind what was sent, and ends the connection once the peer's has come; `code` 1005 sends an
   * empty one. The caller bounds the wait by calling {@linkcode Transport.terminate}. Called at most once.
   */
  close(code: number, reason: string): void;
  /** Fails the connection (RFC 6455, section 7.1.7): tries a close frame with the code, reads no more, and ends. */
  fail(code: number, reason: string): void;
  /** Cuts the connection. `ended` follows, before or after this returns. */
  terminate(): void;

  /** Sets the most bytes of a received message, for messages that begin after the call. */
  setReadLimit(bytes: number): void;
  /** Whether the messages after this call are compressed, where compression was agreed on. */
  enableWriteCompression(enable: boolean): void;
  /** The level of compression, -2 to 9, for the messages after this call. */
  setCompressionLevel(level: number): void;
}

/**
 * What a Transport calls, in the order of the wire. Nothing comes after `ended`; no message after `closeReceived` or
 * `failed`.
 */
export interface TransportReceiver {
  /** A whole message. Bytes are the receiver's own. */
  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void;
  /** The beginning of a message that comes in pieces. Only where `streaming` is yes. */
  messageStart(type: DataType): void;
  /**
   * A piece of the message, the receiver's own; the pieces of a text are valid UTF-8 together. Where `freed`, its memory is given
   * back at once if the receiver copies it and returns `true`.
   */
  messageData(data: Uint8Array<ArrayBuffer>, freed?: boolean): boolean | void;
  /** The end of the message in pieces. */
  messageEnd(): void;
  /** A ping. Where `answered`, the runtime has sent the pong already. */
  ping(payload: Uint8Array<ArrayBuffer>, answered: boolean): void;
  /** A pong. */
  pong(payload: Uint8Array<ArrayBuffer>): void;
  /** The peer's close frame; code 1005 if it was empty. Where `answered`, the runtime has echoed it already. */
  closeReceived(code: number, reason: string, answered: boolean): void;
  /** The transport has failed the connection by its own rules; its close frame is on the way. Reading is over. */
  failed(error: Error): void;
  /** The connection is over. Exactly once, and last. */
  ended(end: TransportEnd): void;
}

/** What a transport knows of an end. */
export interface TransportEnd {
  /** The error of the socket, if there was one. */
  readonly cause?: unknown;
  /** Where the engine has no closing handshake: the code that stands for the peer's. */
  readonly code?: number;
  /** With `code`: the reason that stands for the peer's. */
  readonly reason?: string;
}
