/** Brokers that refuse what they have allowed before: a silence that is told. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { writeFileSync } from "node:fs";

import type { Broker } from "../../../src/pubsub/broker.ts";
import {
  Hub,
  ioredis,
  nats,
  redis,
  redisStreams,
} from "../../../src/pubsub/mod.ts";
import type { Gap } from "../../../src/pubsub/options.ts";
import { deferred, test, withTimeout } from "../../support/helper.ts";
import { bunRedis } from "./cases.ts";
import { Lookout } from "./lookout.ts";
import { lacksClients, nodeRedis, requireClient } from "./npm_clients.ts";
import { BrokerServer, NATS, REDIS } from "./servers.ts";

const ON_REDIS = { lacks: lacksClients ?? REDIS.lacks, timeout: 60_000 };

/** A hub whose heartbeat tells nothing while the test lasts. */
class Ear extends Lookout implements AsyncDisposable {
  readonly hub: Hub;
  readonly heard: unknown[] = [];
  readonly gaps: Gap[] = [];
  readonly errors: string[] = [];

  constructor(broker: Broker) {
    super();
    this.hub = new Hub({
      broker,
      heartbeat: 60_000,
      linger: 0,
      onGap: (gap) => {
        this.gaps.push(gap);
        this.look();
      },
      onError: (error) => {
        this.errors.push(String(error));
        this.look();
      },
    });
  }

  async listen(...topics: string[]): Promise<void> {
    for (const topic of topics) {
      await this.hub.subscribe(topic, (data) => {
        this.heard.push(data);
        this.look();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub.close();
  }
}

/** What the server's owner does. */
async function withOwner(
  port: number,
  fn: (owner: (...command: string[]) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const { clients, close } = await nodeRedis(port);
  try {
    await fn((...command) => clients[0].sendCommand(command));
  } finally {
    close();
  }
}

test(
  "redisStreams() tells that reading is refused, and the gap when it is not",
  async () => {
    await using server = await BrokerServer.start(REDIS);
    const { clients, close } = await nodeRedis(server.port);
    let reads = 0;
    try {
      await using ear = new Ear(redisStreams(
        (command) => clients[0].sendCommand(command),
        (command) => {
          reads++;
          return clients[1].sendCommand(command);
        },
      ));
      await ear.listen("one", "two");
      await withOwner(server.port, async (owner) => {
        await owner("ACL", "SETUSER", "default", "-xread");
        // It ends the read that waits, which was allowed.
        await ear.hub.publish("one", "0");
        await ear.until("the error", () => ear.errors.length > 0);
        // Once, not for each topic, and not for a moment.
        assertEquals(ear.errors.length, 1);
        assert(ear.errors[0]!.includes("NOPERM"), ear.errors[0]);
        assert(reads < 10, `${reads} reads`);
        assertEquals(ear.gaps.filter(({ missed }) => missed === undefined), []);
        await ear.hub.publish("one", "1");
        await owner("ACL", "SETUSER", "default", "+xread");
      });
      await ear.until("the message", () => ear.heard.includes("1"));
      assertEquals(ear.heard, ["0", "1"]);
      assertEquals(
        ear.gaps.map(({ topic, missed }) => [topic, missed]),
        [["one", undefined], ["two", undefined]],
      );
    } finally {
      close();
    }
  },
  ON_REDIS,
);

test(
  "redisStreams() tells of a key that is not a stream any more",
  async () => {
    await using server = await BrokerServer.start(REDIS);
    const { clients, close } = await nodeRedis(server.port);
    try {
      await using ear = new Ear(redisStreams(
        (command) => clients[0].sendCommand(command),
        (command) => clients[1].sendCommand(command),
      ));
      await ear.listen("one", "two");
      await withOwner(server.port, async (owner) => {
        await owner("SET", "ws:one", "a string");
        // Which ends the read that waits.
        await ear.hub.publish("two", "0");
        await ear.until("the error", () => ear.errors.length > 0);
        assert(ear.errors[0]!.includes("WRONGTYPE"), ear.errors[0]);
        await owner("DEL", "ws:one");
      });
      await ear.hub.publish("one", "1");
      await ear.until("the message", () => ear.heard.includes("1"));
      assertEquals(ear.gaps.map(({ topic }) => topic), ["one", "two"]);
    } finally {
      close();
    }
  },
  ON_REDIS,
);

test("redisStreams() tells that its client is closed", async () => {
  await using server = await BrokerServer.start(REDIS);
  const { clients } = await nodeRedis(server.port);
  try {
    await using ear = new Ear(redisStreams(
      (command) => clients[0].sendCommand(command),
      (command) => clients[1].sendCommand(command),
    ));
    await ear.listen("one");
    clients[1].destroy();
    await ear.until("the error", () => ear.errors.length > 0);
    assert(/closed/i.test(ear.errors[0]!), ear.errors[0]);
  } finally {
    clients[0].destroy();
  }
}, ON_REDIS);

test(
  "redis() by Bun's client hears again after a channel that is refused",
  async () => {
    await using server = await BrokerServer.start(REDIS);
    await withOwner(server.port, async (owner) => {
      const { clients, close } = bunRedis(server.port);
      await clients[0].connect();
      try {
        await using ear = new Ear(redis(clients[0], clients[1]));
        await ear.listen("one");
        await owner("ACL", "SETUSER", "default", "resetchannels", "&ws*");
        // Which ends the connection, and never settles.
        const { promise: closed, resolve } = deferred();
        clients[1].onclose = () => resolve();
        clients[1].subscribe("refused", () => {}).catch(() => {});
        await withTimeout(closed, 10_000, "the end of the connection");
        await ear.listen("two");
        await ear.until("the gap", () => ear.gaps.length > 0);
        await ear.hub.publish("one", "1");
        await ear.hub.publish("two", "2");
        await ear.until("both", () => ear.heard.length === 2);
      } finally {
        close();
      }
    });
  },
  { ...ON_REDIS, only: "bun" },
);

test(
  "redis() by Bun's clients that have given up comes back",
  async () => {
    await using server = await BrokerServer.start(REDIS);
    const { clients, close } = bunRedis(server.port, { maxRetries: 1 });
    await clients[0].connect();
    try {
      await using ear = new Ear(redis(clients[0], clients[1]));
      await ear.listen("one");
      const ends = clients.map((client) => {
        const { promise, resolve } = deferred();
        client.onclose = () => resolve();
        return withTimeout(promise, 10_000, "the client's end");
      });
      await server.kill();
      await Promise.all(ends);
      await server.start();
      await assertRejects(() => ear.hub.publish("one", "0"));
      await ear.listen("two");
      await ear.until("the gap", () => ear.gaps.length > 0);
      await ear.hub.publish("one", "1");
      await ear.until("the message", () => ear.heard.length === 1);
    } finally {
      close();
    }
  },
  { lacks: REDIS.lacks, only: "bun", timeout: 60_000 },
);

for (const autoResubscribe of [false, true]) {
  test(
    `ioredis() hears the other channels where one is refused, with autoResubscribe: ${autoResubscribe}`,
    async () => {
      await using server = await BrokerServer.start(REDIS);
      const { Redis } = requireClient("ioredis");
      const [publisher, subscriber] = [
        new Redis(server.port, { enableOfflineQueue: false }),
        new Redis(server.port, { autoResubscribe, retryStrategy: () => 50 }),
      ];
      for (const client of [publisher, subscriber]) {
        client.on("error", () => {});
      }
      await new Promise((resolve) => publisher.once("ready", resolve));
      try {
        await using ear = new Ear(ioredis(publisher, subscriber));
        await ear.listen("one", "two");
        await withOwner(server.port, async (owner) => {
          // Where the client subscribes again by itself, a refusal would end the
          // process: nobody gets its promise.
          if (!autoResubscribe) {
            const allowed = ["&ws!", "&ws:two"];
            await owner(
              "ACL",
              "SETUSER",
              "default",
              "resetchannels",
              ...allowed,
            );
          }
          await owner("CLIENT", "KILL", "TYPE", "pubsub");
        });
        const gaps = autoResubscribe ? 2 : 1;
        await ear.until("the gaps", () => ear.gaps.length === gaps);
        if (!autoResubscribe) {
          await ear.until("the error", () => ear.errors.length > 0);
          assert(ear.errors[0]!.includes("NOPERM"), ear.errors[0]);
        }
        await ear.hub.publish("two", "2");
        await ear.until("the message", () => ear.heard.length > 0);
        assertEquals(ear.heard, ["2"]);
      } finally {
        publisher.disconnect();
        subscriber.disconnect();
      }
    },
    ON_REDIS,
  );
}

/** A NATS server whose users may do all but what is denied. */
class StrictNATS implements AsyncDisposable {
  readonly server: BrokerServer;
  readonly #file: () => string;

  private constructor(server: BrokerServer, file: () => string) {
    this.server = server;
    this.#file = file;
  }

  static async start(): Promise<StrictNATS> {
    let file = "";
    const server = await BrokerServer.start({
      ...NATS,
      prepare(folder) {
        file = `${folder}/nats.conf`;
        write(file, {});
      },
      command: (folder, port) => [
        ...NATS.command(folder, port),
        "-c",
        file,
      ],
    });
    return new StrictNATS(server, () => file);
  }

  /** Starts again, and denies. */
  async deny(denied: Denied): Promise<void> {
    await this.server.kill();
    write(this.#file(), denied);
    await this.server.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

interface Denied {
  readonly subscribe?: string;
  readonly publish?: string;
}

function write(file: string, denied: Denied): void {
  const permissions = Object.entries({
    subscribe: "-",
    publish: "-",
    ...denied,
  })
    .map(([what, subject]) => `${what}: { deny: "${subject}" }`).join(", ");
  const user = `{ user: u, password: p, permissions: { ${permissions} } }`;
  writeFileSync(
    file,
    `authorization { users: [ ${user} ] }\nno_auth_user: u\n`,
  );
}

for (const name of ["@nats-io/transport-node", "nats"]) {
  const options = { lacks: lacksClients ?? NATS.lacks, timeout: 60_000 };
  const connect = (port: number) =>
    requireClient(name).connect({
      servers: `127.0.0.1:${port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    });

  test(
    `nats() by ${name} tells that a channel is refused when it is connected again`,
    async () => {
      await using strict = await StrictNATS.start();
      const connection = await connect(strict.server.port);
      try {
        await using ear = new Ear(nats(connection));
        await ear.listen("one", "two");
        await strict.deny({ subscribe: "ws%3Aone" });
        await ear.until("the error", () => ear.errors.length > 0);
        assert(/permissions.violation/i.test(ear.errors[0]!), ear.errors[0]);
        await ear.until("the gap", () => ear.gaps.length > 0);
        await ear.hub.publish("two", "0");
        await ear.until("the message", () => ear.heard.includes("0"));
      } finally {
        await connection.close();
      }
    },
    options,
  );

  test(
    `nats() by ${name} tells that the server refuses what was published`,
    async () => {
      await using strict = await StrictNATS.start();
      const connection = await connect(strict.server.port);
      try {
        await using ear = new Ear(nats(connection));
        await ear.listen("one", "two");
        await strict.deny({ publish: "ws%3Aone" });
        await ear.until("the gap", () => ear.gaps.length > 0);
        assertEquals(ear.errors, []);
        await ear.hub.publish("one", "0");
        await ear.until("the error", () => ear.errors.length > 0);
        assert(ear.errors[0]!.includes("ws%3Aone"), ear.errors[0]);
        await ear.hub.publish("two", "1");
        await ear.until("the message", () => ear.heard.length > 0);
        assertEquals(ear.heard, ["1"]);
      } finally {
        await connection.close();
      }
    },
    options,
  );

  test(
    `nats() by ${name} rejects what is published when it is closed`,
    async () => {
      await using server = await BrokerServer.start(NATS);
      const connection = await connect(server.port);
      await using ear = new Ear(nats(connection));
      await ear.listen("one");
      await connection.close();
      await assertRejects(() => ear.hub.publish("one", "0"), Error);
    },
    options,
  );
}
