/** A network between two ends that fails as it is told to, at a byte. */

import net from "node:net";

import { listen } from "../../support/sockets.ts";

/** Where bytes go. */
export type Direction = "to the server" | "to the client";

export const DIRECTIONS: readonly Direction[] = [
  "to the server",
  "to the client",
];

/**
 * What the network does:
 *
 * - `fin`: ends both directions to both ends, as a program that has ended;
 * - `reset`: the same by RST, as a program that has crashed;
 * - `stall`: carries nothing any more, nor the end of an end: a cut cable;
 * - `half-close`: ends the one direction and carries on the other;
 * - `trickle`: carries one byte a turn of the event loop from there on.
 */
export type Fault = "fin" | "reset" | "stall" | "half-close" | "trickle";

export const FAULTS: readonly Fault[] = [
  "fin",
  "reset",
  "stall",
  "half-close",
  "trickle",
];

/** A fault behind so many bytes of a direction. */
export interface Plan {
  readonly fault: Fault;
  readonly direction: Direction;
  readonly offset: number;
}

/** One direction of a link. */
class Lane {
  readonly #link: FaultyLink;
  readonly #direction: Direction;
  readonly #to: net.Socket;
  readonly #plan: Plan | undefined; // if the fault is in this direction
  /** Bytes that were carried. */
  carried = 0;
  /** Nothing more is carried. */
  shut = false;
  #trickling: number[] | undefined;
  #ended = false; // behind what trickles

  constructor(
    link: FaultyLink,
    direction: Direction,
    to: net.Socket,
    plan: Plan | undefined,
  ) {
    this.#link = link;
    this.#direction = direction;
    this.#to = to;
    this.#plan = plan?.direction === direction ? plan : undefined;
  }

  data(chunk: Uint8Array): void {
    if (this.shut) return;
    if (this.#trickling !== undefined) {
      this.#trickling.push(...chunk);
      return;
    }
    const plan = this.#plan;
    const room = plan === undefined ? Infinity : plan.offset - this.carried;
    if (chunk.length < room) return this.#carry(chunk);
    this.#carry(chunk.subarray(0, room), () => this.#link.fire());
    if (plan!.fault !== "trickle") this.shut = true;
    else this.trickle(chunk.subarray(room));
  }

  end(): void {
    if (this.shut) return;
    if (this.#trickling !== undefined) {
      this.#ended = true;
      return;
    }
    this.close();
  }

  /** Ends the direction behind what was carried. */
  close(): void {
    this.shut = true;
    this.#to.end();
  }

  /** From now on, one byte a turn. */
  trickle(rest: Iterable<number>): void {
    this.#trickling = [...rest];
    const step = () => {
      if (this.shut || this.#to.destroyed) return;
      const byte = this.#trickling!.shift();
      if (byte !== undefined) this.#carry(new Uint8Array([byte]));
      else if (this.#ended) return this.close();
      setImmediate(step);
    };
    setImmediate(step);
  }

  #carry(chunk: Uint8Array, then?: () => void): void {
    this.carried += chunk.length;
    this.#link.record?.(this.#direction, chunk);
    this.#to.write(chunk, then);
  }
}

/** A TCP port that leads to a server's, for one connection. */
export class FaultyLink {
  readonly #plan: Plan | undefined;
  readonly #listener: net.Server;
  #ends: { client: net.Socket; server: net.Socket } | undefined;
  #lanes: Readonly<Record<Direction, Lane>> | undefined;
  readonly #gone = {
    client: Promise.withResolvers<void>(),
    server: Promise.withResolvers<void>(),
  };
  /** Where the client connects. */
  port = 0;
  /** Whether the fault has come about. */
  fired = false;
  /** The ends that were sent an RST, as the other end had sent one. */
  readonly reset: Set<"client" | "server"> = new Set();
  /** Called when it does. */
  onFire: (() => void) | undefined;
  /** Is shown what is carried, if it is set before the connection comes. */
  record: ((direction: Direction, chunk: Uint8Array) => void) | undefined;

  private constructor(serverPort: number, plan: Plan | undefined) {
    this.#plan = plan;
    const options = { allowHalfOpen: true, noDelay: true };
    this.#listener = net.createServer(options, (client) => {
      this.#listener.close();
      const server = net.connect({
        port: serverPort,
        host: "127.0.0.1",
        ...options,
      });
      this.#join(client, server);
    });
  }

  /** Opens a port that leads to the server's. */
  static async open(serverPort: number, plan?: Plan): Promise<FaultyLink> {
    const link = new FaultyLink(serverPort, plan);
    link.port = await listen(link.#listener);
    return link;
  }

  /** Bytes that were carried. */
  carried(direction: Direction): number {
    return this.#lanes?.[direction].carried ?? 0;
  }

  /** Fulfils when the end has ended its side of the connection. */
  gone(end: "client" | "server"): Promise<void> {
    return this.#gone[end].promise;
  }

  /** The fault comes about. */
  fire(): void {
    const { fault, direction } = this.#plan!;
    this.fired = true;
    this.onFire?.();
    const lanes = Object.values(this.#lanes!);
    switch (fault) {
      case "fin":
        for (const lane of lanes) lane.close();
        break;
      case "half-close":
        this.#lanes![direction].close();
        break;
      case "stall":
        for (const lane of lanes) lane.shut = true;
        break;
      case "reset":
        for (const lane of lanes) lane.shut = true;
        for (const end of Object.values(this.#ends!)) end.resetAndDestroy();
    }
  }

  /** Lets go of all. */
  destroy(): void {
    this.#listener.close();
    for (const end of Object.values(this.#ends ?? {})) end.destroy();
  }

  #join(client: net.Socket, server: net.Socket): void {
    const plan = this.#plan;
    this.#ends = { client, server };
    this.#lanes = {
      "to the server": new Lane(this, "to the server", server, plan),
      "to the client": new Lane(this, "to the client", client, plan),
    };
    this.#watch("client", client, server, this.#lanes["to the server"]);
    this.#watch("server", server, client, this.#lanes["to the client"]);
    if (plan?.offset === 0) {
      if (plan.fault === "trickle") this.#lanes[plan.direction].trickle([]);
      this.fire();
    }
  }

  #watch(
    name: "client" | "server",
    from: net.Socket,
    to: net.Socket,
    lane: Lane,
  ): void {
    const { resolve } = this.#gone[name];
    from.on("data", (chunk) => lane.data(chunk));
    from.on("end", () => {
      resolve();
      lane.end();
    });
    from.on("error", () => {});
    from.on("close", (faulty) => {
      resolve();
      if (this.#stalls) return;
      if (!faulty) return lane.end();
      this.reset.add(name === "client" ? "server" : "client");
      to.resetAndDestroy();
    });
  }

  get #stalls(): boolean {
    return this.fired && this.#plan?.fault === "stall";
  }
}
