import type { Broker } from "../broker.ts";
import { Receivers } from "./receivers.ts";
import { checkClient } from "./redis.ts";

/** A client of PostgreSQL: postgres.js, or Bun's own. */
export interface PostgresSQL {
  /**
   * Runs a statement.
   *
   * @param strings The statement
   * @param values Its parameters
   * @returns Fulfils with the rows
   */
  (strings: TemplateStringsArray, ...values: string[]): PromiseLike<unknown>;
  /**
   * `LISTEN`, again after each reconnect.
   *
   * @param channel The channel
   * @param listener Gets the messages
   * @param onListen Called each time that the server listens
   * @returns Fulfils with what ends it
   */
  listen(
    channel: string,
    listener: (payload: string) => void,
    onListen?: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<unknown> }>;
}

// PostgreSQL's documentation, NOTIFY: less than 8,000 bytes.
const MAX_PAYLOAD = 7_999;
// NAMEDATALEN - 1: what is longer would be cut off in silence.
const MAX_CHANNEL = 63;
// Messages of one statement, so that none takes long.
const MAX_BATCH = 256;

const encoder = new TextEncoder();

interface Waiting {
  readonly channel: string;
  readonly message: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * PostgreSQL, by `LISTEN` and `NOTIFY`, with postgres.js or Bun's own client. A
 * message has at most 7,999 bytes, about 5,900 where it is binary, a channel 63,
 * and neither a NUL; what is over is refused with a `RangeError`, and nothing of
 * it sent.
 *
 * @param sql The client, the application's
 * @returns The broker
 * @throws {TypeError} If it is no function, or has not the method
 *
 * @example Usage
 * ```ts no-assert
 * import { Hub, postgres, type PostgresSQL } from "@silverback/websocket/pubsub";
 *
 * async function start(connect: (url: string) => PostgresSQL): Promise<Hub> {
 *   const sql = connect("postgres://app@127.0.0.1/app");
 *   const hub = new Hub({ broker: postgres(sql) });
 *   await hub.ready;
 *   return hub;
 * }
 * ```
 */
export function postgres(sql: PostgresSQL): Broker {
  checkClient("postgres()", sql, "listen");
  if (typeof sql !== "function") {
    throw new TypeError(
      "Cannot use client for postgres(): it is no function that runs a statement",
    );
  }
  const listening = new Map<string, () => PromiseLike<unknown>>();
  const receivers = new Receivers(
    async (channel) => {
      checkChannel(channel);
      let ended = false;
      let listened = false;
      const listener = await sql.listen(
        channel,
        // After a reconnect postgres.js knows no more whose the listener was, so
        // that it is called when it has ended.
        (payload) => {
          if (!ended) receivers.message(channel, payload);
        },
        () => {
          if (listened && !ended) receivers.interrupted([channel]);
          listened = true;
        },
      );
      listened = true;
      listening.set(channel, () => {
        ended = true;
        return listener.unlisten();
      });
    },
    async (channel) => {
      const end = listening.get(channel);
      listening.delete(channel);
      await end?.();
    },
  );
  const waiting: Waiting[] = [];
  let busy = false;

  // A pool has many connections, which would reorder what they send: there is
  // one statement at a time, with all that has come meanwhile.
  async function notify(): Promise<void> {
    if (busy) return;
    busy = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH);
      const list = JSON.stringify(
        batch.map(({ channel, message }) => [channel, message]),
      );
      try {
        // As text: postgres.js would write what is json once more.
        await sql`select pg_notify(one->>0, one->>1)
          from json_array_elements(${list}::text::json) with ordinality as t(one, n)
          order by n`;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // What waits is given up as well: who comes after a message that was
        // lost would show it as missed, and come late.
        for (const { reject } of [...batch, ...waiting.splice(0)]) {
          reject(error);
        }
      }
    }
    busy = false;
  }

  return {
    publish(channel, message) {
      checkChannel(channel);
      const size = bytesOf(message);
      if (size > MAX_PAYLOAD) {
        throw new RangeError(
          `Cannot publish ${size} bytes: PostgreSQL takes ${MAX_PAYLOAD}`,
        );
      }
      checkText(message);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ channel, message, resolve, reject });
      notify();
      return promise;
    },
    subscribe: (channel, receiver) => receivers.add(channel, receiver),
  };
}

function checkChannel(channel: string): void {
  const size = bytesOf(channel);
  if (size > MAX_CHANNEL) {
    throw new RangeError(
      `Cannot use channel of ${size} bytes: PostgreSQL takes ${MAX_CHANNEL}, with the prefix`,
    );
  }
  checkText(channel);
}

function checkText(text: string): void {
  if (!text.includes("\0")) return;
  throw new RangeError("Cannot use text with a NUL: PostgreSQL takes none");
}

function bytesOf(text: string): number {
  // A unit of UTF-16 has one to three bytes.
  return text.length > MAX_PAYLOAD ? text.length : encoder.encode(text).length;
}
