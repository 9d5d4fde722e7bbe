/** One connection of a soak's client: it echoes for its life, and then leaves. */

import net from "node:net";

import {
  type CloseInfo,
  type Conn,
  Dialer,
  MessageType,
} from "../../../mod.ts";
import type { Places } from "../../support/places.ts";
import { PATIENCE, type PayloadSource, verify } from "./payload.ts";

/** How a client leaves; `ask` lets the server close. */
export type Leave = "close" | "fin" | "reset" | "ask";

export const LEAVES: readonly Leave[] = ["close", "fin", "reset", "ask"];

/** What all connections together come to. */
export interface Totals {
  /** Connections that are open now. */
  open: number;
  opened: number;
  /** Messages that came back. */
  messages: number;
  /** Their payloads, in bytes and UTF-16 units. */
  size: number;
  /** Of them, on connections that compress. */
  compressed: number;
  /** Of them, sent in fragments. */
  fragmented: number;
  readonly left: Record<Leave, number>;
  /** What must not be, in words; the first of them. */
  readonly faults: string[];
}

/** What a connection is made with. */
export interface LifeOptions {
  readonly url: string;
  readonly id: number;
  readonly random: () => number;
  readonly source: PayloadSource;
  readonly totals: Totals;
  /** Is told what must not be. */
  readonly fault: (what: string) => void;
  /** Milliseconds between two bursts, on average. */
  readonly pause: number;
  /** What a burst takes until all of it has come back. */
  readonly bursts: Places;
  /** Aborted when it is to leave; the reason is a {@linkcode Leave}. */
  readonly leave: AbortSignal;
  /** Aborted when nothing more is to be sent, but all stay. */
  readonly freeze: AbortSignal;
}

const MAX_BURST = 3;
const PIECE = 5_000;

/** How each way of leaving must end, seen by the client. */
const ENDS: Readonly<Record<Leave, Pick<CloseInfo, "code" | "wasClean">>> = {
  close: { code: 1000, wasClean: true },
  ask: { code: 4000, wasClean: true },
  fin: { code: 1006, wasClean: false },
  reset: { code: 1006, wasClean: false },
};

/** A connection, from the dial to its end. */
export class Life {
  readonly #options: LifeOptions;
  readonly #compresses: boolean;
  readonly #streams: boolean;
  #socket!: net.Socket;
  #conn!: Conn;
  #sent = 0;
  #returned = 0;
  /** The lengths of what was sent and has not come back. */
  readonly #under = new Map<number, number>();
  #settled: (() => void)[] = []; // who wait for all to be back
  #over = false;
  #stuck = false;
  #progress = performance.now(); // the time of the last

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#compresses = options.random() < 0.5;
    this.#streams = options.random() < 0.3;
  }

  /** Dials, and is open when it fulfils. */
  async open(): Promise<void> {
    const { url, id, totals } = this.#options;
    const dialer = new Dialer({
      enableCompression: this.#compresses,
      handshakeTimeout: PATIENCE,
      closeTimeout: PATIENCE,
      netDial: async ({ hostname, port }) => {
        const socket = net.connect({ host: hostname, port });
        this.#socket = socket;
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        socket.once("connect", resolve).once("error", reject);
        await promise;
        return socket;
      },
    });
    const path = this.#streams ? "stream" : "echo";
    const { conn } = await dialer.dial(`${url}/${path}?conn=${id}`);
    this.#conn = conn;
    totals.open++;
    totals.opened++;
  }

  /** Echoes until it is time, then leaves as it is told. */
  async run(): Promise<void> {
    const { leave, totals } = this.#options;
    const reading = this.#read();
    // At any moment, in the midst of a message for one.
    leave.addEventListener("abort", () => this.#vanish());
    try {
      while (!leave.aborted) await this.#burst();
      await this.#depart();
    } catch (error) {
      if (!this.#vanishes) this.#fault(`cannot send: ${error}`);
      this.#conn.terminate();
    }
    const info = await this.#conn.closed;
    await reading;
    totals.open--;
    const way: Leave | undefined = leave.reason;
    if (way === undefined) {
      this.#fault(`has ended by itself with ${info.code}, ${info.cause}`);
      return;
    }
    totals.left[way]++;
    const { code, wasClean } = ENDS[way];
    if (info.code !== code || info.wasClean !== wasClean) {
      this.#fault(`${way} has ended with ${info.code}, ${info.cause}`);
    }
    if (wasClean && this.#under.size > 0) {
      this.#fault(`${this.#under.size} messages are lost`);
    }
  }

  /** The way that it can go: only an echo knows how to close. */
  leaves(way: Leave): Leave {
    return way === "ask" && this.#streams ? "close" : way;
  }

  /** Whether it waits for nothing, and is not about to leave. */
  get quiet(): boolean {
    return this.#under.size === 0 && !this.#options.leave.aborted;
  }

  /** Gives up if what was sent does not come back for too long. */
  check(): void {
    if (this.#stuck || this.#over || this.#under.size === 0) return;
    if (performance.now() - this.#progress < PATIENCE) return;
    this.#stuck = true;
    this.#fault(`${this.#under.size} messages do not come back`);
    this.#conn.terminate();
  }

  get #vanishes(): boolean {
    const { aborted, reason } = this.#options.leave;
    return aborted && (reason === "fin" || reason === "reset");
  }

  async #burst(): Promise<void> {
    const { random, pause, leave, freeze, bursts } = this.#options;
    await delay(2 * random() * pause, leave);
    if (freeze.aborted) await aborted(leave);
    if (leave.aborted) return;
    await bursts.take();
    let back: Promise<void> | undefined;
    try {
      const count = 1 + Math.floor(random() * MAX_BURST);
      for (let i = 0; i < count; i++) await this.#send();
    } finally {
      back = this.#allBack().then(bursts.free);
    }
    if (random() < 0.8) await back;
  }

  async #send(): Promise<void> {
    const { id, random, source } = this.#options;
    const number = this.#sent++;
    const payload = source.next(id, number);
    if (this.#under.size === 0) this.#progress = performance.now();
    this.#under.set(number, payload.length);
    if (random() < 0.8) return this.#conn.send(payload);
    this.#options.totals.fragmented++;
    const type = typeof payload === "string"
      ? MessageType.Text
      : MessageType.Binary;
    const writer = this.#conn.nextWriter(type).getWriter();
    for (let at = 0; at < payload.length; at += PIECE) {
      await writer.write(payload.slice(at, at + PIECE));
    }
    await writer.close();
  }

  async #allBack(): Promise<void> {
    if (this.#under.size === 0 || this.#over) return;
    await new Promise<void>((resolve) => this.#settled.push(resolve));
  }

  #settle(): void {
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  #vanish(): void {
    if (this.#options.leave.reason === "fin") this.#socket.end();
    if (this.#options.leave.reason === "reset") this.#socket.resetAndDestroy();
  }

  async #depart(): Promise<void> {
    if (this.#vanishes) return;
    await this.#allBack();
    if (this.#options.leave.reason === "close") await this.#conn.close();
    else await this.#conn.send("close");
  }

  async #read(): Promise<void> {
    try {
      for (;;) this.#take((await this.#conn.readMessage()).data);
    } catch {
      // Its end; `closed` tells which.
    }
    this.#over = true;
    this.#settle();
  }

  #take(data: string | Uint8Array): void {
    const { id, totals } = this.#options;
    try {
      const number = verify(id, data);
      if (number !== this.#returned) {
        const what = this.#under.has(number) ? "reordered" : "duplicated";
        this.#fault(`message ${number}, not ${this.#returned}: ${what}`);
      }
      this.#returned = number + 1;
      if (this.#under.get(number) !== data.length) {
        this.#fault(`message ${number} is of another length`);
      }
      this.#under.delete(number);
    } catch (error) {
      this.#fault(`${error}`);
    }
    this.#progress = performance.now();
    totals.messages++;
    totals.size += data.length;
    if (this.#compresses) totals.compressed++;
    if (this.#under.size === 0) this.#settle();
  }

  #fault(what: string): void {
    this.#options.fault(`${this.#options.id}: ${what}`);
  }
}

/** Waits, at the most until the signal. */
async function delay(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = () => resolve();
  signal.addEventListener("abort", end);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
