// Joins the two sides, the control frames and the end of a connection. They
// share all state, hence past 300 lines.

import { type CloseInfo, isUnsentCloseCode } from "../close.ts";
import type { DataType } from "../message.ts";
import type {
  Addr,
  Transport,
  TransportEnd,
  TransportReceiver,
} from "../transport/transport.ts";
import { toError } from "../base/user_values.ts";
import { UnsupportedError } from "../errors.ts";
import type { Conn } from "./conn.ts";
import type { sendControl } from "./control_frames.ts";
import type { controlWritable } from "./control_writer.ts";
import { type End, Ending, endOf } from "./ending.ts";
import {
  type CloseHandler,
  type ControlHandlers,
  type HandlersOwner,
  type PingHandler,
  type PingRounds,
  type PongHandler,
  runHandler,
} from "./handlers.ts";
import type { GatheredMessage } from "./gathered_message.ts";
import { Inbound } from "./inbound.ts";
import type { Watch } from "./keep_alive.ts";
import type { MessageLimit, MessageLimitOptions } from "./message_limit.ts";
import type { ConnSettings } from "./options.ts";
import { Outbound } from "./outbound.ts";
import type { measureRoundTrip } from "./round_trip.ts";
import type { ConnStats } from "./stats.ts";
import { openWholeWriter } from "./whole_writer.ts";
import { handedOver, inNextTurn, rejected } from "./promises.ts";

/** What keeps track of connections. */
export interface ConnOwner {
  /** A connection of its own is over. */
  ended(conn: Conn): void;
}

/** What a transport without pings does without, so that pages need not load it. */
export interface CoreParts {
  /** Watches a connection, by its settings. */
  readonly watch: (core: Core) => Watch;
  /** Opens a writer that sends its message in pieces. */
  readonly openWriter: typeof openWholeWriter;
  /** Tells whoever has subscribed of an end. */
  publishEnd(
    core: Core,
    conn: Conn,
    told: true | Request,
    info: CloseInfo,
  ): void;
  /** The error of a peer that sends too much. */
  limitError(
    limit: Required<MessageLimitOptions>,
    what: "message" | "ping" | "pong",
  ): Error;
  /** Opens a writer that gathers a control message. */
  readonly openControl: typeof controlWritable;
  /** Makes a message that comes in pieces, of that many bytes if known. */
  gather(type: DataType, size?: number): GatheredMessage;
  /** Makes what counts the peer's messages. */
  readonly makeLimit: (options: Required<MessageLimitOptions>) => MessageLimit;
  /** A ping has come. */
  pinged(core: Core, payload: Uint8Array<ArrayBuffer>, answered: boolean): void;
  /** Sends a ping or a pong. */
  readonly sendControl: typeof sendControl;
  /** A pong has come. */
  ponged(core: Core, payload: Uint8Array<ArrayBuffer>): void;
  /** Measures a round trip. */
  readonly measure: typeof measureRoundTrip;
}

/**
 * A connection between its user and its transport: the two sides, the control
 * frames and the end.
 */
export class Core implements TransportReceiver, HandlersOwner {
  readonly transport: Transport;
  readonly settings: ConnSettings;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly ending: Ending = new Ending();
  pingHandler: PingHandler | undefined;
  pongHandler: PongHandler | undefined;
  closeHandler: CloseHandler | undefined;
  readonly #parts: CoreParts | undefined;
  rounds: PingRounds | undefined; // from the first ping() on
  handlers: ControlHandlers | undefined; // once one has run
  #watch: Watch | undefined; // keepalive's
  /** Told of the end; a server knows its connections by it. */
  owner: ConnOwner | undefined;
  /** What the owner knows it as. */
  conn: Conn | undefined;
  /** What `authorize` has handed over. */
  data: unknown;
  /** Whose connection it is, where a proxy said so. */
  clientAddr: Addr | undefined;
  /** Gives its place among those of the address back. */
  leave: (() => void) | undefined;
  /**
   * Set once its beginning has been published, so that its end is, too; its
   * request, where somebody waits for that.
   */
  told: true | Request | undefined;
  readonly limit: MessageLimit | undefined; // of what the peer may send
  readonly openedAt: number = performance.now();
  #messages = 0; // that have come
  lastRoundTrip: number | undefined; // the last
  probedAt: number | undefined; // when keepalive's ping was sent

  constructor(
    transport: Transport,
    settings: ConnSettings,
    parts: CoreParts | undefined,
  ) {
    this.#parts = parts;
    this.transport = transport;
    this.settings = settings;
    const { messageLimit } = settings;
    this.limit = messageLimit && parts?.makeLimit(messageLimit);
    this.inbound = new Inbound(transport, this, settings);
    this.outbound = new Outbound(transport, this, settings);
    transport.start(this);
    if (settings.keepAlive !== undefined && this.ending.state === "open") {
      this.#watch = parts?.watch(this);
    }
  }

  // What users call

  get stats(): ConnStats {
    const counts = this.transport.counts;
    return {
      since: new Date(performance.timeOrigin + this.openedAt),
      roundTrip: this.lastRoundTrip,
      received: {
        messages: this.#messages,
        bytes: counts.bytesReceived,
        wireBytes: counts.wireBytesReceived,
      },
      sent: {
        messages: counts.messagesSent,
        bytes: counts.bytesSent,
        wireBytes: counts.wireBytesSent,
      },
    };
  }

  sendControl(type: 9 | 10, payload: Uint8Array): Promise<void> {
    return this.#parts!.sendControl(this, type, payload);
  }

  /** Sends a pong; while it waits, a pong for a later ping replaces it. */
  answerPing(payload: Uint8Array): void {
    this.trySend(10, payload, true);
  }

  /**
   * Sends a close frame at once, and does not wait for the closing handshake.
   */
  sendClose(code: number, reason: string): Promise<void> {
    this.outbound.before?.();
    if (!this.ending.mayClose) return rejected(this.writeError());
    this.#close(code, reason, undefined, true);
    return handedOver(0);
  }

  /** Closes the connection; a timeout, if given, bounds all of it. */
  close(
    code: number,
    reason: string,
    timeout: number | undefined,
  ): Promise<CloseInfo> {
    this.outbound.before?.();
    if (this.ending.state === "closed") {
      return inNextTurn(() => this.ending.closed);
    }
    if (isUnsentCloseCode(code)) this.terminate();
    else if (this.ending.mayClose) this.#close(code, reason, timeout, false);
    return this.ending.closed;
  }

  terminate(): void {
    if (this.ending.state === "closed") return;
    this.outbound.end({ error: this.writeError() });
    this.ending.begin("cut");
    this.transport.terminate();
  }

  /** Opens a writer for one control message. */
  openControl(
    send: (payload: Uint8Array<ArrayBuffer>) => Promise<void>,
    signal: AbortSignal | undefined,
  ): WritableStream<string | Uint8Array> {
    const open = this.#parts?.openControl;
    if (open !== undefined) return open(this, send, signal);
    throw new UnsupportedError(
      `Cannot open writer by ${this.transport.description}: use writeControl()`,
    );
  }

  /** Opens a writer for one message. */
  openWriter(
    type: DataType,
    signal: AbortSignal | undefined,
  ): WritableStream<string | Uint8Array> {
    return (this.#parts?.openWriter ?? openWholeWriter)(this, type, signal);
  }

  /** Sends a ping and waits for its pong; the round trip in milliseconds. */
  roundTrip(
    data: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    return this.#parts!.measure(this, data, signal);
  }

  /**
   * Fails the connection. Reads deliver what is buffered and then reject with
   * the error. The peer gets the code without a reason, as the error may reveal
   * too much.
   */
  fail(error: Error, code: number): void {
    if (this.ending.state === "closed" || !this.#failed(error)) return;
    this.transport.fail(code, "");
  }

  gone(error: unknown): unknown {
    return this.ending.gone(error);
  }

  // TransportReceiver

  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void {
    if (this.limit?.message() === false) return this.overLimit("message");
    this.#messages++;
    this.inbound.message(type, data);
  }

  messageStart(type: DataType, size?: number): void {
    if (this.limit?.message() === false) return this.overLimit("message");
    this.inbound.messageStart(this.#parts!.gather(type, size));
  }

  messageData(data: Uint8Array<ArrayBuffer>, freed = false): boolean {
    return this.inbound.messageData(data, freed);
  }

  messageEnd(): void {
    this.#messages++;
    this.inbound.messageEnd();
  }

  ping(payload: Uint8Array<ArrayBuffer>, answered: boolean): void {
    this.#parts?.pinged(this, payload, answered);
  }

  pong(payload: Uint8Array<ArrayBuffer>): void {
    this.#parts?.ponged(this, payload);
  }

  closeReceived(code: number, reason: string, answered: boolean): void {
    this.ending.received(code, reason);
    if (answered) {
      this.ending.sent();
      this.outbound.close(true, () => {});
    }
    let settled: Promise<void> | undefined;
    if (this.closeHandler !== undefined) {
      settled = runHandler(
        this.closeHandler,
        [code, reason],
        (error) => this.handlerThrew(error),
      );
    }
    // gorilla runs the handler first, then ends the reads.
    this.inbound.end(endOf({ code, reason }));
    if (settled === undefined) {
      this.#answer(code);
      return;
    }
    const timer = setTimeout(
      () => this.#answer(code),
      this.settings.closeTimeout,
    );
    settled.then(() => {
      clearTimeout(timer);
      this.#answer(code);
    });
    this.ending.closed.then(() => clearTimeout(timer));
  }

  failed(error: Error): void {
    this.#failed(error);
  }

  ended(end: TransportEnd): void {
    const info = this.ending.end(end);
    this.#watch?.stop();
    this.#end(endOf(info));
    this.leave?.();
    const { conn } = this;
    if (conn === undefined) return;
    this.owner?.ended(conn);
    const { told } = this;
    if (told !== undefined) this.#parts?.publishEnd(this, conn, told, info);
  }

  // Sends a control frame that nobody waits for.
  trySend(type: 9 | 10, payload: Uint8Array, answer: boolean): void {
    try {
      this.transport.sendControl(type, payload, answer)?.catch(() => {});
    } catch {
      // Nothing can be sent any more: the end will be reported soon.
    }
  }

  // RFC 6455, section 5.5.1: a close frame is answered, unless one has been
  // sent. The code is echoed.
  #answer(code: number): void {
    if (this.ending.mayClose) {
      this.#close(code, "", undefined, true);
    } else if (!this.ending.isTimed) {
      this.#bound(this.settings.closeTimeout);
    }
  }

  // Without a timeout, time runs from the close frame on: what is queued before
  // it may take as long as the peer keeps taking it.
  #close(
    code: number,
    reason: string,
    timeout: number | undefined,
    now: boolean,
  ): void {
    const { closeTimeout } = this.settings;
    this.ending.begin("close");
    if (timeout !== undefined) this.#bound(timeout);
    this.inbound.close();
    this.outbound.close(now, () => {
      if (this.ending.state === "closed") return;
      this.ending.sent();
      const taken = this.transport.close(code, reason);
      if (taken === undefined) this.#bound(closeTimeout);
      else taken.then(() => this.#bound(closeTimeout), () => {});
    });
    this.#watchDrain(closeTimeout);
  }

  #watchDrain(period: number): void {
    let { taken } = this.transport;
    const progress = () => {
      const before = taken;
      ({ taken } = this.transport);
      return taken > before;
    };
    this.ending.watch(period, progress, () => this.#expire(period));
  }

  #bound(timeout: number): void {
    this.ending.bound(timeout, () => this.#expire(timeout));
  }

  #expire(timeout: number): void {
    // After both close frames, a peer that only keeps its socket open has done
    // no harm.
    if (!this.ending.isShaken) {
      this.ending.blame(
        new DOMException(
          `Cannot finish closing handshake: the peer took more than ${timeout} ms`,
          "TimeoutError",
        ),
      );
    }
    this.transport.terminate();
  }

  #failed(error: Error): boolean {
    if (!this.ending.fail(error)) return false;
    this.#end({ error });
    this.#bound(this.settings.closeTimeout);
    return true;
  }

  #end(end: End): void {
    this.inbound.end(end);
    this.outbound.end(end);
    this.rounds?.end(end.error);
  }

  overLimit(what: "message" | "ping" | "pong"): void {
    const { messageLimit } = this.settings;
    this.fail(this.#parts!.limitError(messageLimit!, what), 1008);
  }

  // InboundOwner

  get stopped(): ((stopped: boolean) => void) | undefined {
    const limit = this.limit;
    if (limit === undefined || !this.transport.capabilities.readBackpressure) {
      return undefined;
    }
    return (stopped) => limit.stopped(stopped);
  }

  // HandlersOwner

  handlerThrew(error: unknown): void {
    if (this.ending.isEnd(error)) return;
    this.fail(toError(error, "Cannot run handler: it threw"), 1011);
  }

  /** Why nothing can be sent any more, once that is known. */
  goneError(error: unknown): unknown {
    const told = this.outbound.error !== undefined ||
      this.ending.peer !== undefined;
    return told ? this.writeError() : this.gone(error);
  }

  /** What writes reject with. */
  writeError(): Error {
    return this.outbound.error ??
      endOf(this.ending.peer ?? { code: 1006, reason: "" }).error;
  }
}
