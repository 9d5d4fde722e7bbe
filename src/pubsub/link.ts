import type { Broker } from "./broker.ts";

/** Whom a link tells. */
export interface LinkOwner {
  /** A message of the channel. */
  message(text: string): void;
  /** It was not heard for a while, and is again: some may have been missed. */
  interrupted(): void;
  /** It has ended, as nobody wanted it. */
  unlinked(): void;
  /** It cannot be heard, which the broker may tell of many links at once. */
  unheard(error: unknown): void;
  /** What went wrong with nobody waiting for it. */
  failed(error: unknown): void;
}

/** How links behave. */
export interface LinkSettings {
  readonly broker: Broker;
  /** Milliseconds that one outlives its last use. */
  readonly linger: number;
  /** Milliseconds that the broker has for its confirmation. */
  readonly patience: number;
}

// How long a client that has gone deaf is waited for when it unsubscribes.
const RENEW_PATIENCE = 250;

type Stop = () => Promise<unknown> | void;

/**
 * The subscription to one channel. What joins and leaves it is done one after
 * the other: a leave and a join that cross lose nothing, as who joins gets the
 * link that is, or waits for the one that comes.
 */
export class Link {
  readonly #channel: string;
  readonly #owner: LinkOwner;
  readonly #settings: LinkSettings;
  #wanted = false;
  #stale = false; // it is to be made anew
  #busy = false; // the loop runs
  #stop: Stop | undefined; // while linked
  #generation = 0; // what comes from an earlier one is late
  #up: PromiseWithResolvers<void> | undefined; // who waits for it
  #lingering: (() => void) | undefined; // ends it
  #now = false; // it is not to linger
  #ended: PromiseWithResolvers<void> | undefined; // who waits for its end

  constructor(channel: string, owner: LinkOwner, settings: LinkSettings) {
    this.#channel = channel;
    this.#owner = owner;
    this.#settings = settings;
  }

  /** Whether the broker has confirmed it. */
  get isUp(): boolean {
    return this.#stop !== undefined && this.#wanted;
  }

  /** Whether it was there, and could not be made anew. */
  get isLost(): boolean {
    return this.#wanted && this.#stop === undefined && !this.#busy;
  }

  /** Fulfils once it is linked; rejects when it cannot be, and is wanted no more. */
  up(): Promise<void> {
    this.#wanted = true;
    this.#lingering?.();
    if (this.#stop !== undefined && !this.#busy) return Promise.resolve();
    this.#up ??= Promise.withResolvers();
    const { promise } = this.#up;
    this.#run();
    return promise;
  }

  /** It is wanted no more; it ends at once, or when it has lingered. */
  down(now = false): void {
    this.#wanted = false;
    this.#now = now;
    if (now) this.#lingering?.();
    this.#run();
  }

  /** Ends it for good; fulfils when it has ended. */
  end(): Promise<void> {
    this.#ended = Promise.withResolvers();
    const { promise } = this.#ended;
    this.down(true);
    return promise;
  }

  /**
   * Makes it anew: the broker's client has gone deaf. One that lingers is made
   * anew when it is wanted.
   */
  renew(): void {
    if (!this.#wanted && this.#stop === undefined) return;
    this.#stale = true;
    if (this.#wanted) this.#run();
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (;;) {
      if (this.#wanted) {
        if (this.#stop !== undefined && !this.#stale) {
          this.#up?.resolve();
          this.#up = undefined;
          break;
        }
        // Somebody may have come since it failed.
        if (!await this.#link() && this.#up === undefined) break;
      } else {
        if (this.#stop === undefined) break;
        if (!this.#now) await this.#linger();
        if (this.#wanted) continue;
        await this.#unlink(this.#settings.patience);
        this.#stale = false;
        this.#owner.unlinked();
      }
    }
    this.#busy = false;
    if (this.#wanted) return;
    this.#up?.reject(
      new DOMException(
        `Cannot subscribe to channel ${this.#channel}: it was left meanwhile`,
        "AbortError",
      ),
    );
    this.#up = undefined;
    this.#ended?.resolve();
    this.#owner.unlinked();
  }

  // Whether there is a link now.
  async #link(): Promise<boolean> {
    const renewed = this.#stale;
    if (this.#stop !== undefined) await this.#unlink(RENEW_PATIENCE);
    const generation = ++this.#generation;
    try {
      this.#stop = await this.#subscribe(generation);
      this.#stale = false;
    } catch (error) {
      const up = this.#up;
      this.#up = undefined;
      if (up !== undefined) up.reject(error);
      else this.#owner.failed(error);
      // One that was there is tried again, by the next renew().
      this.#stale = renewed;
      if (!renewed) this.#wanted = false;
      return false;
    }
    if (renewed) this.#owner.interrupted();
    return true;
  }

  async #subscribe(generation: number): Promise<Stop> {
    const isCurrent = () => generation === this.#generation;
    const subscribed = Promise.resolve(
      this.#settings.broker.subscribe(this.#channel, {
        message: (text) => {
          if (isCurrent()) this.#message(text);
        },
        interrupted: () => {
          if (isCurrent()) this.#owner.interrupted();
        },
        failed: (error) => {
          if (isCurrent()) this.#owner.unheard(error);
        },
      }),
    );
    let late = false;
    subscribed.then((stop) => {
      if (late) return stop();
    }).catch(() => {});
    const stop = await this.#within(
      this.#settings.patience,
      subscribed,
      "subscribe to",
      () => late = true,
    );
    // Without it the loop would take it for not linked, and ask for ever.
    if (typeof stop === "function") return stop;
    throw new TypeError(
      `Cannot subscribe to channel ${this.#channel}: the broker's subscribe() must fulfil with a function that ends it`,
    );
  }

  // What a broker hands over may be of any client, and of any program.
  #message(text: unknown): void {
    if (typeof text === "string") this.#owner.message(text);
    else {
      this.#owner.failed(
        new TypeError(
          `Cannot read message on channel ${this.#channel}: the broker has handed over a value of type ${typeof text}, it must be a string`,
        ),
      );
    }
  }

  async #unlink(patience: number): Promise<void> {
    const stop = this.#stop!;
    this.#stop = undefined;
    this.#generation++;
    try {
      await this.#within(
        patience,
        Promise.resolve(stop()),
        "unsubscribe from",
        () => {},
      );
    } catch (error) {
      // A client that is not connected has forgotten it anyway.
      this.#owner.failed(error);
    }
  }

  #linger(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      clearTimeout(timer);
      this.#lingering = undefined;
      resolve();
    };
    const timer = setTimeout(end, this.#settings.linger);
    this.#lingering = end;
    return promise;
  }

  async #within<T>(
    patience: number,
    promise: Promise<T>,
    action: string,
    tooLate: () => void,
  ): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      tooLate();
      reject(
        new DOMException(
          `Cannot ${action} channel ${this.#channel}: the broker has not confirmed it for ${patience} ms`,
          "TimeoutError",
        ),
      );
    }, patience);
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
