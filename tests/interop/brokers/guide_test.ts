/** What the guide DEPLOYING says about each client, on real servers. */

import { assert, assertEquals } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";

import { type Broker, Hub } from "../../../src/pubsub/mod.ts";
import { readText } from "../../house/architecture/files.ts";
import { findSnippets } from "../../house/docs/snippets.ts";
import { deferred, test, withTimeout } from "../../support/helper.ts";
import { lacksClients, requireClient } from "./npm_clients.ts";
import {
  BrokerServer,
  NATS,
  POSTGRES,
  REDIS,
  type ServerKind,
} from "./servers.ts";

// deno-lint-ignore no-explicit-any -- the clients of others
type Any = any;

interface Case {
  /** What the client is called. */
  readonly by: string;
  readonly server: ServerKind;
  readonly only?: "bun";
  /** What the function is given: what makes clients, as it is imported. */
  readonly client: () => Any;
  readonly url: (port: number) => string;
  readonly close: (client: Any) => unknown;
}

const redisURL = (port: number) => `redis://127.0.0.1:${port}`;
const sqlURL = (port: number) =>
  `postgres://postgres@127.0.0.1:${port}/postgres`;
const bun = (globalThis as Any).Bun;
const ofBun = {
  by: "Bun's client",
  server: REDIS,
  only: "bun",
  client: () => bun.RedisClient,
  url: redisURL,
  close: (client: Any) => client.close(),
} as const;
const ofNode: Case = {
  by: "node-redis",
  server: REDIS,
  client: () => requireClient("redis").createClient,
  url: redisURL,
  close: (client) => client.destroy(),
};

/** By the guide's functions, and more than one client for some. */
const CASES: readonly [name: string, Case][] = [
  ["nodeRedis", ofNode],
  ["nodeStreams", ofNode],
  ["bunRedis", ofBun],
  ["bunStreams", ofBun],
  ...(["ioredis", "iovalkey"] as const).map((name): [string, Case] => [
    "ioRedis",
    {
      by: name,
      server: REDIS,
      client: () => requireClient(name).Redis,
      url: redisURL,
      close: (client) => client.disconnect(),
    },
  ]),
  ["natsBroker", {
    by: "@nats-io/transport-node",
    server: NATS,
    client: () => requireClient("@nats-io/transport-node").connect,
    url: (port) => `127.0.0.1:${port}`,
    close: async (client) => (await client).close(),
  }],
  ["sqlBroker", {
    by: "postgres.js",
    server: POSTGRES,
    client: () => {
      const module = requireClient("postgres");
      return module.default ?? module;
    },
    url: sqlURL,
    close: (client) => client.end({ timeout: 1 }),
  }],
  ["sqlBroker", {
    by: "Bun's client",
    server: POSTGRES,
    only: "bun",
    client: () => (url: string) => new bun.SQL(url),
    url: sqlURL,
    close: (client) => client.close(),
  }],
  ["pgBroker", {
    by: "pg",
    server: POSTGRES,
    client: () => requireClient("pg"),
    url: sqlURL,
    close: (client) => client.end(),
  }],
];

const block = findSnippets(readText(".github/guides/DEPLOYING.md"))
  .find(({ name }) => name === "Brokers by client 1")!.code;

test("the guide has a function for each client, and each is tested", () => {
  const functions = [...block.matchAll(/^export (?:async )?function (\w+)/gm)]
    .map(([, name]) => name);
  const tested = new Set(CASES.map(([name]) => name));
  assertEquals(functions.toSorted(), [...tested].sort());
});

for (const [name, one] of CASES) {
  const lacks = one.server.lacks ??
    (one.only === "bun" ? undefined : lacksClients);
  const only = one.only === undefined ? {} : { only: one.only };
  test(
    `the guide's ${name}() joins two hubs by ${one.by}`,
    async () => {
      await using server = await BrokerServer.start(one.server);
      const folder = mkdtempSync(`${tmpdir()}/websocket-guide-`);
      const made: Any[] = [];
      try {
        writeFileSync(`${folder}/block.ts`, block);
        const functions = await import(
          pathToFileURL(`${folder}/block.ts`).href
        );
        const connect = (): Promise<Broker> =>
          functions[name](noting(one.client(), made), one.url(server.port));
        await using here = new Hub({ broker: await connect() });
        await using there = new Hub({ broker: await connect() });
        const { promise, resolve } = deferred<string | Uint8Array>();
        await there.subscribe("topic", resolve);
        await here.publish("topic", "Hello");
        assertEquals(
          await withTimeout(promise, 10_000, "the message"),
          "Hello",
        );
        assert(made.length >= 2);
      } finally {
        for (const client of made) await one.close(client);
        rmSync(folder, { recursive: true });
      }
    },
    { lacks, ...only },
  );
}

/** What makes clients, and notes those that it makes. */
function noting(what: Any, made: Any[]): Any {
  if (typeof what === "object") {
    return { ...what, Client: noting(what.Client, made) };
  }
  const note = (client: Any) => {
    made.push(client);
    return client;
  };
  return new Proxy(what, {
    apply: (target, _, args) => note(target(...args)),
    construct: (target, args) => note(new target(...args)),
  });
}
