import { CloseError, type CloseInfo } from "../close.ts";
import type { DataType } from "../message.ts";
import type {
  Transport,
  TransportEnd,
  TransportReceiver,
} from "../transport/transport.ts";
import { closeErrorOf, Ending } from "./ending.ts";
import {
  type CloseHandler,
  type PingHandler,
  PingRounds,
  type PongHandler,
  runHandler,
} from "./handlers.ts";
import { Inbound } from "./inbound.ts";
import { keepAlive, type Watch } from "./keep_alive.ts";
import type { ConnSettings } from "./options.ts";
import { Outbound } from "./outbound.ts";
import { handled, onAbort, rejected, RESOLVED } from "./promises.ts";

/** What a connection does between its user and its transport: the two sides, the control frames and the end. */
export class Core implements TransportReceiver {
  readonly transport: Transport;
  readonly settings: ConnSettings;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly ending: Ending = new Ending();
  pingHandler: PingHandler | undefined;
  pongHandler: PongHandler | undefined;
  closeHandler: CloseHandler | undefined;
  #rounds: PingRounds | undefined; // of the first ping()
  #closing = false; // no other close frame is to be sent
  #watch: Watch | undefined; // of keepalive
  /** Called at the end, for the room that counts connections. */
  onEnded: (() => void) | undefined;

  constructor(transport: Transport, settings: ConnSettings) {
    this.transport = transport;
    this.settings = settings;
    this.inbound = new Inbound(transport, this, settings);
    this.outbound = new Outbound(transport, this, settings);
    transport.start(this);
    if (
      settings.keepAlive !== undefined && transport.capabilities.ping &&
      this.ending.state === "open"
    ) {
      this.#watch = keepAlive(this, settings.keepAlive);
    }
  }

  // What users ask for

  sendControl(type: 9 | 10, payload: Uint8Array): Promise<void> {
    if (this.ending.state !== "open") return rejected(this.#writeError());
    const wait = this.transport.sendControl(type, payload);
    return wait === undefined ? RESOLVED : handled(wait);
  }

  /** Sends a pong; while it waits, the answer to a later ping takes its place. */
  answerPing(payload: Uint8Array): void {
    this.transport.sendControl(10, payload, true)?.catch(() => {});
  }

  /** Sends a close frame at once; the closing handshake goes on by itself. */
  sendClose(code: number, reason: string): Promise<void> {
    if (this.#closing || this.ending.state === "closed") {
      return rejected(this.#writeError());
    }
    this.#close(code, reason, this.settings.closeTimeout, true);
    return RESOLVED;
  }

  close(code: number, reason: string, timeout: number): Promise<CloseInfo> {
    if (!this.#closing && this.ending.state !== "closed") {
      this.#close(code, reason, timeout, false);
    }
    return this.ending.closed;
  }

  terminate(): void {
    if (this.ending.state === "closed") return;
    this.outbound.end(this.#writeError());
    this.#closing = true;
    this.ending.begin("local");
    this.transport.terminate();
  }

  /** Sends a ping and waits for its pong; in milliseconds. */
  roundTrip(
    data: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    if (signal?.aborted) return rejected(signal.reason);
    if (this.ending.state !== "open") return rejected(this.#writeError());
    const rounds = this.#rounds ??= new PingRounds();
    const payload = data ?? rounds.nextPayload();
    const { promise, drop } = rounds.add(payload);
    const forget = onAbort(signal, drop);
    promise.then(forget, forget);
    const wait = this.transport.sendControl(9, payload);
    wait?.catch(drop);
    this.transport.flush();
    return handled(promise);
  }

  /**
   * Fails the connection: reads deliver what is buffered and then reject with the error, the peer gets the code without a
   * reason, as the error may tell too much.
   */
  fail(error: Error, code: number): void {
    if (this.ending.state === "closed" || !this.#failed(error)) return;
    this.transport.fail(code, "");
  }

  // KeepAliveTarget

  get received(): number {
    return this.transport.received;
  }

  get paused(): boolean {
    return this.inbound.paused;
  }

  probe(): void {
    // What waits to be sent tells as much.
    if (this.paused && this.transport.bufferedAmount > 0) return;
    this.transport.sendControl(9, new Uint8Array(0))?.catch(() => {});
    this.transport.flush();
  }

  expire(): void {
    const { interval, timeout } = this.settings.keepAlive!;
    this.fail(
      new DOMException(
        `Cannot keep connection: the peer has been silent for ${
          interval + timeout
        } ms`,
        "TimeoutError",
      ),
      1001,
    );
  }

  // TransportReceiver

  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void {
    this.inbound.message(type, data);
  }

  messageStart(type: DataType): void {
    this.inbound.messageStart(type);
  }

  messageData(data: Uint8Array<ArrayBuffer>, freed = false): boolean {
    return this.inbound.messageData(data, freed);
  }

  messageEnd(): void {
    this.inbound.messageEnd();
  }

  ping(payload: Uint8Array<ArrayBuffer>, answered: boolean): void {
    if (this.pingHandler !== undefined) {
      runHandler(this.pingHandler, [payload], (error) => this.#throw(error));
    } else if (!answered) {
      this.answerPing(payload);
    }
  }

  pong(payload: Uint8Array<ArrayBuffer>): void {
    this.#rounds?.pong(payload);
    if (this.pongHandler !== undefined) {
      runHandler(this.pongHandler, [payload], (error) => this.#throw(error));
    }
  }

  closeReceived(code: number, reason: string, answered: boolean): void {
    this.ending.begin("remote");
    this.ending.received(code, reason);
    if (answered) {
      this.#closing = true;
      this.ending.sent();
      this.outbound.close(true, () => {});
    }
    let settled: Promise<void> | undefined;
    if (this.closeHandler !== undefined) {
      settled = runHandler(
        this.closeHandler,
        [code, reason],
        (error) => this.#throw(error),
      );
    }
    // gorilla runs the handler first, then ends the reads.
    this.inbound.end(new CloseError(code, reason));
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
    const error = closeErrorOf(info);
    this.inbound.end(error);
    this.outbound.end(error);
    this.#rounds?.end(error);
    this.onEnded?.();
  }

  // RFC 6455, section 5.5.1: a close frame is answered, unless one has been
  // sent. The code is echoed.
  #answer(code: number): void {
    if (this.#closing || this.ending.state === "closed") {
      this.#bound(this.settings.closeTimeout);
    } else {
      this.#close(code, "", this.settings.closeTimeout, true);
    }
  }

  #close(code: number, reason: string, timeout: number, now: boolean): void {
    this.#closing = true;
    this.ending.begin("local");
    this.#bound(timeout);
    this.inbound.close();
    this.outbound.close(now, () => {
      if (this.ending.state === "closed") return;
      this.ending.sent();
      this.transport.close(code, reason);
    });
  }

  #bound(timeout: number): void {
    this.ending.bound(timeout, () => {
      // A peer that has said good-bye and keeps its socket open did nothing
      // that matters.
      if (this.ending.peer === undefined || !this.ending.closeSent) {
        this.ending.blame(
          new DOMException(
            `Cannot finish closing handshake: the peer took more than ${timeout} ms`,
            "TimeoutError",
          ),
        );
      }
      this.transport.terminate();
    });
  }

  #failed(error: Error): boolean {
    if (!this.ending.fail(error)) return false;
    this.#closing = true;
    this.ending.begin("local");
    this.inbound.end(error);
    this.outbound.end(error);
    this.#rounds?.end(error);
    this.#bound(this.settings.closeTimeout);
    return true;
  }

  // User code threw in a handler.
  #throw(error: unknown): void {
    this.fail(
      error instanceof Error
        ? error
        : new Error("Cannot run handler: it threw", { cause: error }),
      1011,
    );
  }

  #writeError(): Error {
    if (this.outbound.error !== undefined) return this.outbound.error;
    const peer = this.ending.peer;
    return peer === undefined
      ? new CloseError(1006)
      : new CloseError(peer.code, peer.reason);
  }
}
