/**
 * Topics, on one machine and on many.
 *
 * A {@linkcode Hub} has topics that connections subscribe to. With a
 * {@linkcode Broker} the hubs of many processes are one: Redis, NATS, PostgreSQL
 * or a `BroadcastChannel`, by a client of the application's own.
 *
 * ```ts
 * import { Hub } from "@silverback/websocket/pubsub";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = pipe();
 * await using hub = new Hub({ onGap: (gap) => console.warn("Missed:", gap) });
 * await hub.subscribe("news", server);
 * await hub.publish("news", "Hello");
 * assertEquals((await client.readMessage()).data, "Hello");
 * await Promise.all([client.close(), server.closed]);
 * ```
 *
 * No message is lost in silence: what a connection that was cut, a broker that
 * was away or a reader that was too slow has cost comes as a {@linkcode Gap}.
 *
 * @module
 */

export type { Broker, BrokerReceiver } from "./broker.ts";
export { broadcastChannel } from "./brokers/broadcast_channel.ts";
export { ioredis, type IORedisSubscriber } from "./brokers/ioredis.ts";
export { nats, type NATSConnection } from "./brokers/nats.ts";
export { postgres, type PostgresSQL } from "./brokers/postgres.ts";
export {
  redis,
  type RedisPublisher,
  type RedisSubscriber,
} from "./brokers/redis.ts";
export {
  type RedisSend,
  redisStreams,
  type RedisStreamsOptions,
} from "./brokers/redis_streams.ts";
export { Hub } from "./hub.ts";
export type {
  Gap,
  HubOptions,
  PublishOptions,
  SubscribeOptions,
} from "./options.ts";
export { Presence } from "./presence.ts";
export { PublishLimitError } from "./publish_limit_error.ts";
export type { Listener } from "./topic.ts";
