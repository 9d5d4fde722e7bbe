import type { BrokerReceiver } from "../broker.ts";

interface Channel {
  readonly receivers: Set<BrokerReceiver>;
  readonly opened: Promise<unknown>;
  /** Whether the broker has confirmed it. */
  isOpen: boolean;
}

/** Who hears which channel of a client, which is subscribed to each once. */
export class Receivers {
  readonly #channels: Map<string, Channel> = new Map();
  readonly #open: (channel: string) => Promise<unknown>;
  readonly #close: (channel: string) => Promise<unknown> | void;

  constructor(
    open: (channel: string) => Promise<unknown>,
    close: (channel: string) => Promise<unknown> | void,
  ) {
    this.#open = open;
    this.#close = close;
  }

  /** The channels that the broker has confirmed. */
  get open(): string[] {
    return [...this.#channels].filter(([, { isOpen }]) => isOpen)
      .map(([channel]) => channel);
  }

  /** Whether there is none, not even one that is not confirmed yet. */
  get isEmpty(): boolean {
    return this.#channels.size === 0;
  }

  /** Adds a receiver; fulfils when the channel is open, with what takes it away. */
  async add(
    channel: string,
    receiver: BrokerReceiver,
  ): Promise<() => Promise<unknown> | void> {
    let entry = this.#channels.get(channel);
    if (entry === undefined) {
      const opened = this.#open(channel);
      entry = { receivers: new Set(), opened, isOpen: false };
      this.#channels.set(channel, entry);
    }
    const { receivers, opened } = entry;
    receivers.add(receiver);
    const remove = () => {
      receivers.delete(receiver);
      if (receivers.size > 0 || this.#channels.get(channel) !== entry) return;
      this.#channels.delete(channel);
      return this.#close(channel);
    };
    try {
      await opened;
      entry.isOpen = true;
    } catch (error) {
      receivers.delete(receiver);
      if (this.#channels.get(channel) === entry) this.#channels.delete(channel);
      throw error;
    }
    return remove;
  }

  /** A message has come. */
  message(channel: string, text: string): void {
    for (const receiver of this.#channels.get(channel)?.receivers ?? []) {
      receiver.message(text);
    }
  }

  /** The client was not connected for a while. */
  interrupted(channels: Iterable<string> = this.open): void {
    for (const channel of channels) {
      for (const receiver of this.#channels.get(channel)?.receivers ?? []) {
        receiver.interrupted();
      }
    }
  }

  /** The client cannot hear, and not only for a moment. */
  failed(error: unknown, channels: Iterable<string> = this.open): void {
    for (const channel of channels) {
      for (const receiver of this.#channels.get(channel)?.receivers ?? []) {
        receiver.failed?.(error);
      }
    }
  }
}
