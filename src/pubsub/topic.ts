import type { Conn, outboundOf } from "../conn/conn.ts";
import { PreparedBatch, type PreparedMessage } from "../prepared.ts";
import { Heard } from "./numbers.ts";
import type { Link } from "./link.ts";

// Bytes of one batch: what is over is sent in more than one.
const MAX_BATCH = 65_536;

/** The server's own ear on a topic. */
export type Listener = (data: string | Uint8Array, topic: string) => void;

/** What is known of a connection that has subscribed. */
export interface Member {
  readonly conn: Conn;
  /** What names it in envelopes; from 1. */
  readonly id: number;
  readonly topics: Map<Topic, Subscription>;
  /** Topics that count against the limit: those, and what the broker is asked for. */
  count: number;
  /** None for a connection of another copy of the package. */
  readonly outbound: ReturnType<typeof outboundOf>;
}

/** A message that its subscribers have not been sent yet. */
interface Gathered {
  readonly message: PreparedMessage;
  readonly size: number;
  readonly except: number;
}

/** One subscriber of one topic. */
export class Subscription {
  /** The connection; none for a listener. */
  readonly member: Member | undefined;
  slow: "cut" | "skip";
  backlog: number;
  /** Messages that it has missed since it is over its backlog. */
  missed = 0;
  /** Whether the broker has not confirmed it yet. */
  pending = true;
  /** Fulfils when it has; what all get who subscribe again. */
  joined: Promise<void> = Promise.resolve();

  constructor(
    member: Member | undefined,
    { slow, backlog }: { slow: "cut" | "skip"; backlog: number },
  ) {
    this.member = member;
    this.slow = slow;
    this.backlog = backlog;
  }

  /** Whether it has taken what it was over its backlog with, half of it at least. */
  get hasDrained(): boolean {
    return this.member!.conn.bufferedAmount <= this.backlog / 2;
  }

  /** Whether it gets all of so many bytes. */
  takes(size: number): boolean {
    return this.slow === "cut" || this.missed === 0 && !this.exceeds(size);
  }

  /** Whether a message of a size is over the backlog; one alone never is. */
  exceeds(size: number): boolean {
    const { bufferedAmount } = this.member!.conn;
    return bufferedAmount > 0 && bufferedAmount + size > this.backlog;
  }
}

/** What a topic tells of its connections. */
export interface TopicOwner {
  /** A connection is not open any more. */
  left(conn: Conn): void;
  /** A connection is over its backlog. */
  slowed(topic: Topic, subscription: Subscription): void;
  /** It has taken enough of it to go on. */
  drained(topic: Topic, subscription: Subscription): void;
  failed(error: unknown): void;
}

/** The subscribers of a topic. */
export class Topic {
  /** What its channel is called behind the prefix: the topic behind a mark. */
  readonly key: string;
  readonly name: string;
  readonly conns: Map<Conn, Subscription> = new Map();
  readonly listeners: Map<Listener, Subscription> = new Map();
  heard: Heard = new Heard();
  /** Its subscription at the broker, where there is one. */
  link: Link | undefined;
  #gathered: Gathered[] = [];
  #size = 0;
  #sending = false;
  /** When it was last linked anew, or its client connected again. */
  renewedAt: number = -Infinity;

  constructor(key: string) {
    this.key = key;
    this.name = key.slice(1);
  }

  /** Nothing more is heard of it, and what is missed is nobody's. */
  reset(): void {
    this.heard = new Heard();
  }

  get isEmpty(): boolean {
    return this.conns.size === 0 && this.listeners.size === 0;
  }

  /**
   * Keeps a message for all connections but one; whether there is as much as
   * should go out.
   */
  gather(message: PreparedMessage, size: number, except: number): boolean {
    this.#gathered.push({ message, size, except });
    this.#size += size;
    return this.#size >= MAX_BATCH;
  }

  /** Sends what was gathered. */
  flush(owner: TopicOwner): void {
    // What is published meanwhile, by who is told of a gap, comes behind it.
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#gathered.length > 0) this.#send(owner);
    } finally {
      this.#sending = false;
    }
  }

  #send(owner: TopicOwner): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#size = 0;
    const batch = new PreparedBatch(gathered.map(({ message }) => message));
    const excepts = new Set(
      gathered.map(({ except }) => except).filter((except) => except > 0),
    );
    const fits = batch.size <= MAX_BATCH;
    for (const [conn, subscription] of this.conns) {
      const { id, outbound } = subscription.member!;
      try {
        if (
          fits && outbound !== undefined &&
          (excepts.size === 0 || !excepts.has(id)) &&
          subscription.takes(batch.size)
        ) outbound.sendBatch(batch);
        else this.#sendEach(gathered, conn, subscription, owner);
      } catch (error) {
        owner.failed(error);
      }
      // Over its write limit, or the peer has said good-bye.
      if (conn.state !== "open") owner.left(conn);
    }
  }

  #sendEach(
    gathered: readonly Gathered[],
    conn: Conn,
    subscription: Subscription,
    owner: TopicOwner,
  ): void {
    for (const { message, size, except } of gathered) {
      if (subscription.member!.id === except) continue;
      if (!this.#has(subscription)) return;
      if (
        subscription.slow === "skip" && this.#skips(subscription, size, owner)
      ) continue;
      conn.writePreparedMessage(message);
    }
  }

  // Who is told of a gap may end it.
  #has(subscription: Subscription): boolean {
    return this.conns.get(subscription.member!.conn) === subscription;
  }

  #skips(
    subscription: Subscription,
    size: number,
    owner: TopicOwner,
  ): boolean {
    if (subscription.missed > 0) {
      if (!subscription.hasDrained) {
        subscription.missed++;
        return true;
      }
      owner.drained(this, subscription);
      if (!this.#has(subscription)) return true;
    }
    if (!subscription.exceeds(size)) return false;
    subscription.missed = 1;
    owner.slowed(this, subscription);
    return true;
  }
}
