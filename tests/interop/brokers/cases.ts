/** The brokers of the package, by every client that they are for. */

import {
  broadcastChannel,
  ioredis,
  nats,
  postgres,
  redis,
  redisStreams,
} from "../../../src/pubsub/mod.ts";
import type { BrokerCase } from "./contract.ts";
import { lacksClients, nodeRedis, requireClient } from "./npm_clients.ts";
import { NATS, POSTGRES, REDIS } from "./servers.ts";

const LARGE = 2 ** 19;

function quiet(): void {}

/** Two clients of ioredis or iovalkey. */
function likeIORedis(name: "ioredis" | "iovalkey", port: number) {
  const { Redis } = requireClient(name);
  const options = { retryStrategy: () => 50 };
  const atOnce = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // iovalkey 0.4 forgets what is under way when the connection breaks.
    commandTimeout: 1_000,
  };
  const clients = [
    new Redis(port, "127.0.0.1", { ...options, ...atOnce }),
    new Redis(port, "127.0.0.1", options),
  ];
  for (const client of clients) client.on("error", quiet);
  const ready = new Promise((resolve) => clients[0].once("ready", resolve));
  const close = () => clients.forEach((client) => client.disconnect());
  return { clients, ready, close };
}

/** Two of Bun's own clients. */
export function bunRedis(
  port: number,
  options?: { maxRetries: number },
  // deno-lint-ignore no-explicit-any -- Bun's own types are not here
): { clients: any[]; close: () => void } {
  // deno-lint-ignore no-explicit-any -- Bun's own types are not here
  const { RedisClient } = (globalThis as any).Bun;
  const url = `redis://127.0.0.1:${port}`;
  const clients = [
    new RedisClient(url, { enableOfflineQueue: false, ...options }),
    new RedisClient(url, options),
  ];
  const close = () => clients.forEach((client) => client.close());
  return { clients, close };
}

/** Each with each. */
export const CASES: readonly BrokerCase[] = [
  {
    name: "redis() by node-redis",
    server: REDIS,
    lacks: lacksClients,
    fits: LARGE,
    oneOrder: true,
    async connect(port) {
      const { clients, close } = await nodeRedis(port);
      return { broker: redis(clients[0], clients[1]), close };
    },
  },
  {
    name: "redis() by Bun's client",
    server: REDIS,
    only: "bun",
    fits: LARGE,
    oneOrder: true,
    async connect(port) {
      const { clients, close } = bunRedis(port);
      await clients[0].connect();
      return { broker: redis(clients[0], clients[1]), close };
    },
  },
  ...(["ioredis", "iovalkey"] as const).map((name): BrokerCase => ({
    name: `ioredis() by ${name}`,
    server: REDIS,
    lacks: lacksClients,
    fits: LARGE,
    oneOrder: true,
    async connect(port) {
      const { clients, ready, close } = likeIORedis(name, port);
      await ready;
      return { broker: ioredis(clients[0], clients[1]), close };
    },
  })),
  {
    name: "redisStreams() by node-redis",
    server: REDIS,
    lacks: lacksClients,
    fits: LARGE,
    oneOrder: true,
    lossless: true,
    async connect(port) {
      const { clients, close } = await nodeRedis(port);
      const broker = redisStreams(
        (command) => clients[0].sendCommand(command),
        (command) => clients[1].sendCommand(command),
        { length: 10_000 },
      );
      return { broker, close };
    },
  },
  {
    name: "redisStreams() by ioredis",
    server: REDIS,
    lacks: lacksClients,
    fits: LARGE,
    oneOrder: true,
    lossless: true,
    async connect(port) {
      const { clients, ready, close } = likeIORedis("ioredis", port);
      await ready;
      const broker = redisStreams(
        ([name, ...args]) => clients[0].call(name, ...args),
        ([name, ...args]) => clients[1].call(name, ...args),
        { length: 10_000 },
      );
      return { broker, close };
    },
  },
  {
    name: "redisStreams() by Bun's client",
    server: REDIS,
    only: "bun",
    fits: LARGE,
    oneOrder: true,
    lossless: true,
    async connect(port) {
      const { clients, close } = bunRedis(port);
      await clients[0].connect();
      const broker = redisStreams(
        ([name, ...args]) => clients[0].send(name, args),
        ([name, ...args]) => clients[1].send(name, args),
        { length: 10_000 },
      );
      return { broker, close };
    },
  },
  ...(["@nats-io/transport-node", "nats"] as const).map((name): BrokerCase => ({
    name: `nats() by ${name}`,
    server: NATS,
    lacks: lacksClients,
    fits: LARGE,
    exceeds: 2 ** 20,
    oneOrder: false,
    async connect(port) {
      const { connect } = requireClient(name);
      const connection = await connect({
        servers: `127.0.0.1:${port}`,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 50,
      });
      return { broker: nats(connection), close: () => connection.close() };
    },
  })),
  {
    name: "postgres() by postgres.js",
    server: POSTGRES,
    lacks: lacksClients,
    fits: 7_900,
    exceeds: 8_000,
    oneOrder: true,
    waits: true,
    connect(port) {
      // A module on Bun, its function on Deno.
      const module = requireClient("postgres");
      const sql = (module.default ?? module)({
        host: "127.0.0.1",
        port,
        user: "postgres",
        database: "postgres",
        backoff: 0.05,
        max: 3,
        onnotice: quiet,
      });
      return { broker: postgres(sql), close: () => sql.end({ timeout: 1 }) };
    },
  },
  {
    name: "postgres() by Bun's client",
    server: POSTGRES,
    only: "bun",
    fits: 7_900,
    exceeds: 8_000,
    oneOrder: true,
    waits: true,
    connect(port) {
      // deno-lint-ignore no-explicit-any -- Bun's own types are not here
      const { SQL } = (globalThis as any).Bun;
      const sql = new SQL(`postgres://postgres@127.0.0.1:${port}/postgres`);
      return { broker: postgres(sql), close: () => sql.close() };
    },
  },
  {
    name: "broadcastChannel()",
    fits: LARGE,
    oneOrder: false,
    connect: () => ({ broker: broadcastChannel(), close() {} }),
  },
];
