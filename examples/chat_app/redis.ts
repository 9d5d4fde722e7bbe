import { type Broker, redis } from "../../src/pubsub/mod.ts";
import type { ChatMessage } from "./protocol.ts";
import type { SharedJournal } from "./rooms.ts";

/** What several processes of the chat share. */
export interface Shared {
  readonly broker: Broker;
  readonly journal: SharedJournal;
  close(): void;
}

// Milliseconds until Redis must have answered for the first time.
const CONNECT_LIMIT = 5_000;
// By default a client gives up half a minute after Redis has gone.
const MAX_RETRIES = 1_000_000_000;

/** What is used here of Bun's own client. */
interface RedisClient {
  connect(): Promise<unknown>;
  close(): void;
  publish(channel: string, message: string): Promise<unknown>;
  subscribe(
    channel: string,
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  send(command: string, args: string[]): Promise<unknown>;
}

interface BunClients {
  RedisClient: new (
    url: string,
    options?: { enableOfflineQueue?: boolean; maxRetries: number },
  ) => RedisClient;
}

/**
 * Connects to Redis, by the client that Bun has.
 *
 * @throws {Error} On Deno, which has none; where Redis is not there
 */
export async function connectRedis(
  url: string,
  history: number,
): Promise<Shared> {
  const { Bun } = globalThis as { Bun?: BunClients };
  if (Bun === undefined) {
    throw new Error(
      "Cannot use --redis on Deno: it has no client of its own, make two with npm:redis in examples/chat_app/redis.ts",
    );
  }
  // Nothing is to be sent late: who speaks is told that nobody hears it.
  const client = new Bun.RedisClient(url, {
    enableOfflineQueue: false,
    maxRetries: MAX_RETRIES,
  });
  const subscriber = new Bun.RedisClient(url, { maxRetries: MAX_RETRIES });
  const close = () => {
    client.close();
    subscriber.close();
  };
  // It would try for ever, and say nothing.
  const timer = setTimeout(close, CONNECT_LIMIT);
  try {
    await client.connect();
  } catch (cause) {
    close();
    throw new Error(`Cannot connect to ${url}`, { cause });
  } finally {
    clearTimeout(timer);
  }
  return {
    broker: redis(client, subscriber),
    journal: new RedisJournal(client, history),
    close,
  };
}

/** What was said in each room, in a stream of Redis. */
class RedisJournal implements SharedJournal {
  readonly #client: RedisClient;
  readonly #length: string;

  constructor(client: RedisClient, length: number) {
    this.#client = client;
    // One more tells whether there are more than a room remembers.
    this.#length = String(length + 1);
  }

  async read(room: string): Promise<ChatMessage[]> {
    const range = [`chat ${room}`, "+", "-", "COUNT", this.#length];
    const entries = await this.#client.send("XREVRANGE", range) as [
      id: string,
      fields: [name: string, json: string],
    ][];
    return entries.map(([, [, json]]) => JSON.parse(json)).reverse();
  }

  async append(room: string, message: ChatMessage): Promise<void> {
    const json = JSON.stringify(message);
    const limit = ["MAXLEN", "~", this.#length];
    await this.#client.send(
      "XADD",
      [`chat ${room}`, ...limit, "*", "message", json],
    );
  }
}
