import type { Broker } from "./broker.ts";
import { type Beat, type Mark, readBeat, writeBeat } from "./envelope.ts";
import { Link } from "./link.ts";
import { type Sent, Stand } from "./numbers.ts";

// So many heartbeats of silence mean that a hub has gone, and so many of our own
// that were not heard, that we hear nothing at all. A client that reconnects by
// itself takes less.
const GONE_AFTER = 3;
const DEAF_AFTER = 2;
// Milliseconds that the last beat may take.
const LAST_WORD = 1_000;

/** Whom the pulse tells. */
export interface PulseOwner {
  /**
   * A hub has published up to a mark on a topic, a beat ago or longer; where it
   * stands, unless that is another beat's.
   */
  named(hub: string, topic: string, mark: Mark, stand: Stand | undefined): void;
  /** A heartbeat is due: the time to try again what has failed. */
  beat(): void;
  /** Nothing is heard any more. */
  deaf(): void;
  /** A hub that was not known lives. */
  arrived(hub: string): void;
  /** A hub has closed, or lives no more. */
  gone(hub: string): void;
  /** The broker says that it cannot be heard. */
  unheard(error: unknown): void;
  /** What went wrong. */
  failed(error: unknown): void;
}

/** What a pulse is made with. */
export interface PulseSettings {
  /** This hub. */
  readonly hub: string;
  readonly broker: Broker;
  readonly channel: string;
  /** Milliseconds between two beats. */
  readonly heartbeat: number;
  readonly patience: number;
}

interface Peer {
  beat: number;
  heartbeat: number;
  readonly stand: Stand;
  /** Where the clock of what can be heard stood. */
  seen: number;
}

/**
 * A hub's heartbeat through the broker. Hearing its own shows that it is not
 * deaf; those of the others, that they live; and the last numbers in them, that
 * nothing was lost at the end.
 */
export class Pulse {
  readonly #settings: PulseSettings;
  readonly #sent: Sent;
  readonly #owner: PulseOwner;
  readonly #link: Link;
  readonly #peers: Map<string, Peer> = new Map();
  #timer: ReturnType<typeof setInterval> | undefined;
  #number = 0;
  #ended = false;
  #sentAt = 0;
  #unheard = 0;
  #settled = 0; // the last beat that the broker has confirmed or refused
  #heard = 0; // the number of the last beat of our own
  #heardAt = 0;
  #clock = 0; // milliseconds in which others could be heard
  /** Milliseconds that the last heartbeat took. */
  latency: number | undefined;

  constructor(settings: PulseSettings, sent: Sent, owner: PulseOwner) {
    this.#settings = settings;
    this.#sent = sent;
    this.#owner = owner;
    this.#link = new Link(settings.channel, {
      message: (text) => this.#message(text),
      interrupted: () => {},
      unlinked: () => {},
      unheard: (error) => owner.unheard(error),
      failed: (error) => owner.failed(error),
    }, { broker: settings.broker, linger: 0, patience: settings.patience });
  }

  /** Begins; fulfils once it can be heard. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#beat(), this.#settings.heartbeat);
    await this.#link.up();
    // After its last beat it would seem to live.
    if (!this.#ended) this.#beat();
  }

  /** The last beat: the others need not wait for the next. */
  async end(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    const ended = this.#link.end();
    const { hub, broker, channel, heartbeat } = this.#settings;
    const last = { hub, beat: 0, heartbeat, epoch: 0, marks: [] };
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LAST_WORD);
    try {
      const said = broker.publish(channel, writeBeat(last)[0]!);
      await Promise.race([said, promise]);
    } catch {
      // Nobody is there to hear it.
    } finally {
      clearTimeout(timer);
    }
    await ended;
  }

  /**
   * A hub has spoken of which no heartbeat may have been heard: if none comes, it
   * is gone like any other.
   */
  meet(hub: string): void {
    if (this.#peers.has(hub)) return;
    const { heartbeat } = this.#settings;
    this.#peers.set(hub, {
      beat: 0,
      heartbeat,
      stand: new Stand(),
      seen: this.#clock,
    });
    this.#owner.arrived(hub);
  }

  /** Where a hub that lives has stood at its beats. */
  stand(hub: string): Stand | undefined {
    return this.#peers.get(hub)?.stand;
  }

  /** The hubs that live, this one among them. */
  get hubs(): Iterable<string> {
    return this.#peers.keys();
  }

  #beat(): void {
    this.#owner.beat();
    if (!this.#link.isUp) {
      // Each beat that has waited for it hears of it.
      this.#link.up().catch((error) => this.#owner.unheard(error));
    } else if (this.#unheard >= DEAF_AFTER) {
      this.#unheard = 0;
      this.#link.renew();
      this.#owner.deaf();
    }
    const { hub, broker, channel, heartbeat } = this.#settings;
    const waiting = this.#number - this.#settled;
    if (waiting >= DEAF_AFTER) {
      this.#owner.failed(
        new DOMException(
          `Cannot send heartbeat: the broker has not confirmed one for ${
            waiting * heartbeat
          } ms`,
          "TimeoutError",
        ),
      );
    }
    const beat = ++this.#number;
    const marks = this.#sent.marks();
    const { epoch } = this.#sent;
    this.#sentAt = performance.now();
    for (const text of writeBeat({ hub, beat, heartbeat, epoch, marks })) {
      let said: Promise<unknown>;
      try {
        said = Promise.resolve(broker.publish(channel, text));
      } catch (error) {
        this.#settled = beat;
        this.#owner.failed(error);
        return;
      }
      said.then(() => {
        if (this.#heard < beat) this.#unheard++;
      }, (error) => this.#owner.failed(error)).finally(() => {
        this.#settled = Math.max(this.#settled, beat);
      });
    }
  }

  #message(text: string): void {
    const beat = readBeat(text);
    if (beat === undefined) {
      this.#owner.failed(
        new Error(
          `Cannot read heartbeat on channel ${this.#settings.channel}: it is of another program`,
        ),
      );
      return;
    }
    if (beat.beat === 0) {
      if (this.#peers.delete(beat.hub)) this.#owner.gone(beat.hub);
      return;
    }
    if (beat.hub === this.#settings.hub) this.#heardOwn(beat);
    const isNew = this.#note(beat);
    const peer = this.#peers.get(beat.hub)!;
    // One that comes late, or again, is not what the peer has said last.
    const stand = beat.beat === peer.beat ? peer.stand : undefined;
    for (const [topic, mark] of beat.marks) {
      this.#owner.named(beat.hub, topic, mark, stand);
    }
    if (isNew) this.#owner.arrived(beat.hub);
  }

  // Whether the hub was not known.
  #note({ hub, beat, heartbeat, epoch }: Beat): boolean {
    const there = this.#peers.get(hub);
    const peer = there ??
      { beat: 0, heartbeat, stand: new Stand(), seen: this.#clock };
    if (there === undefined) this.#peers.set(hub, peer);
    peer.seen = this.#clock;
    // A long list comes in parts.
    if (beat > peer.beat) {
      peer.beat = beat;
      peer.heartbeat = heartbeat;
      peer.stand.beat(epoch, performance.now());
    }
    return there === undefined;
  }

  #heardOwn({ beat }: Beat): void {
    this.#unheard = 0;
    if (beat === this.#heard) return;
    const now = performance.now();
    if (beat === this.#number) this.latency = now - this.#sentAt;
    // Time in which we were cut off, or slept, is not held against others.
    if (this.#heard > 0 && beat === this.#heard + 1) {
      const { heartbeat } = this.#settings;
      this.#clock += Math.min(now - this.#heardAt, 2 * heartbeat);
    }
    this.#heard = beat;
    this.#heardAt = now;
    for (const [hub, { seen, heartbeat }] of this.#peers) {
      const limit = GONE_AFTER * Math.max(heartbeat, this.#settings.heartbeat);
      if (hub === this.#settings.hub || this.#clock - seen <= limit) continue;
      this.#peers.delete(hub);
      this.#owner.gone(hub);
    }
  }
}
