/** A broker in memory that does what brokers do to those who rely on them. */

import type { Broker, BrokerReceiver } from "../../../src/pubsub/broker.ts";

/** A client of the broker, which a hub is given. */
export interface MemoryClient extends Broker {
  /** Loses what the broker sends, in silence. */
  deaf: boolean;
  /** Does so for this channel only. */
  deafTo: string | undefined;
  /** Hears nothing until the result is called, then is told of it. */
  cut(): () => void;
  /** What it is subscribed to. */
  readonly channels: ReadonlyMap<string, BrokerReceiver>;
}

/** The broker that its clients share. */
export class MemoryBroker {
  readonly #clients: Set<Map<string, BrokerReceiver>> = new Set();
  readonly #heard: Map<Map<string, BrokerReceiver>, MemoryClient> = new Map();
  /** What was published, without heartbeats. */
  readonly log: [channel: string, message: string][] = [];
  /** Subscriptions and their ends, as they were asked for. */
  readonly asked: string[] = [];
  /** What `publish` and `subscribe` fail with. */
  down: Error | undefined;
  /** Waited for before a subscription, or its end, is confirmed. */
  hold: ((what: string) => Promise<void>) | undefined;
  /** Says how often a message is delivered. */
  copies: (channel: string, message: string) => number = () => 1;

  /** A client of its own for each hub. */
  client(): MemoryClient {
    const channels = new Map<string, BrokerReceiver>();
    this.#clients.add(channels);
    const client: MemoryClient = {
      deaf: false,
      deafTo: undefined,
      channels,
      publish: async (channel, message) => {
        if (this.down !== undefined) throw this.down;
        if (!channel.endsWith("!")) this.log.push([channel, message]);
        await undefined;
        this.#deliver(channel, message);
      },
      subscribe: async (channel, receiver) => {
        this.asked.push(`+${channel}`);
        await this.hold?.(`+${channel}`);
        if (this.down !== undefined) throw this.down;
        channels.set(channel, receiver);
        // A subscription that is made anew is heard.
        client.deaf = false;
        if (client.deafTo === channel) client.deafTo = undefined;
        return async () => {
          this.asked.push(`-${channel}`);
          if (channels.get(channel) === receiver) channels.delete(channel);
          await this.hold?.(`-${channel}`);
        };
      },
      cut: () => {
        this.#clients.delete(channels);
        return () => {
          this.#clients.add(channels);
          for (const receiver of channels.values()) receiver.interrupted();
        };
      },
    };
    this.#heard.set(channels, client);
    return client;
  }

  #deliver(channel: string, message: string): void {
    for (let i = this.copies(channel, message); i > 0; i--) {
      for (const channels of this.#clients) {
        const client = this.#heard.get(channels)!;
        if (client.deaf || client.deafTo === channel) continue;
        channels.get(channel)?.message(message);
      }
    }
  }
}
