/** What a {@linkcode Broker} tells a subscriber. */
export interface BrokerReceiver {
  /**
   * A message of the channel, in the broker's order. Of anything but a string the
   * hub tells its `onError`.
   *
   * @param text The message
   */
  message(text: string): void;
  /**
   * The connection to the broker was lost and is there again, with this
   * subscription: messages may have been missed in between.
   */
  interrupted(): void;
  /**
   * The channel cannot be heard, and not only for a moment: the server refuses
   * what it has allowed before, say. The hub tells its `onError`, once for all
   * channels that are told of the same error in one go. The subscription stays:
   * `interrupted()` follows if it is heard again. A receiver may do without it.
   *
   * @param error Why
   */
  failed?(error: unknown): void;
}

/**
 * What carries messages between processes: Redis, NATS, PostgreSQL, or any other
 * that publishes to all who have subscribed. Text, as not every client can carry
 * bytes. A hub calls `subscribe` once a channel, and ends that subscription
 * before it asks for the channel again.
 *
 * @example A broker in ten lines, for the hubs of one process
 * ```ts
 * import type { Broker, BrokerReceiver } from "@silverback/websocket/pubsub";
 * import { Hub } from "@silverback/websocket/pubsub";
 * import { assertEquals } from "@std/assert";
 *
 * const channels = new Map<string, Set<BrokerReceiver>>();
 * const broker: Broker = {
 *   publish(channel, message) {
 *     for (const one of channels.get(channel) ?? []) one.message(message);
 *   },
 *   async subscribe(channel, receiver) {
 *     const set = channels.get(channel) ?? new Set();
 *     channels.set(channel, set.add(receiver));
 *     return () => void set.delete(receiver);
 *   },
 * };
 *
 * await using here = new Hub({ broker });
 * await using there = new Hub({ broker });
 * const heard: unknown[] = [];
 * await there.subscribe("news", (data) => heard.push(data));
 * await here.publish("news", "Hello");
 * assertEquals(heard, ["Hello"]);
 * ```
 */
export interface Broker {
  /**
   * Publishes to all processes that have subscribed to the channel, this one
   * included.
   *
   * @param channel The channel
   * @param message The message
   * @returns Fulfils when the broker has it, and rejects if it has not; a
   * `RangeError` where it is too large, before anything is sent
   */
  publish(channel: string, message: string): Promise<unknown> | void;
  /**
   * Subscribes to a channel.
   *
   * @param channel The channel
   * @param receiver Gets its messages
   * @returns Fulfils once the broker has confirmed it, with what ends it
   */
  subscribe(
    channel: string,
    receiver: BrokerReceiver,
  ): Promise<() => Promise<unknown> | void>;
}
