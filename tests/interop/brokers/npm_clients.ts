/** The clients of others, from npm. */

import { createRequire } from "node:module";

import { installPackages } from "../../support/npm_packages.ts";

const PACKAGES: Readonly<Record<string, string>> = {
  "redis": "6.3.1",
  "ioredis": "6.0.0",
  "iovalkey": "0.4.0",
  "@nats-io/transport-node": "3.4.0",
  "nats": "2.29.3",
  "postgres": "3.4.9",
  "pg": "8.23.1",
};

/** Where they are, or `undefined` where they cannot be had. */
export const clientsFolder: string | undefined = installPackages(
  "clients",
  PACKAGES,
);

/** What is not there for a test that needs one, or `undefined`. */
export const lacksClients: string | undefined = clientsFolder === undefined
  ? "the clients from npm"
  : undefined;

/** Loads one. */
// deno-lint-ignore no-explicit-any -- the packages' own types are not here
export function requireClient(name: string): any {
  return createRequire(`${clientsFolder}/package.json`)(name);
}

/** Two clients of node-redis, connected. */
export async function nodeRedis(
  port: number,
  // deno-lint-ignore no-explicit-any -- as above
): Promise<{ clients: any[]; close: () => void }> {
  const { createClient } = requireClient("redis");
  const url = `redis://127.0.0.1:${port}`;
  const socket = { reconnectStrategy: 50 };
  const clients = [
    createClient({ url, socket, disableOfflineQueue: true }),
    createClient({ url, socket }),
  ];
  for (const client of clients) {
    client.on("error", () => {});
    await client.connect();
  }
  const close = () => clients.forEach((client) => client.destroy());
  return { clients, close };
}
