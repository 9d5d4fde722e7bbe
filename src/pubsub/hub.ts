import { checkAttached } from "../base/user_values.ts";
import type { Conn } from "../conn/conn.ts";
import { Core } from "./core.ts";
import {
  checkTopic,
  type HubOptions,
  hubSettings,
  isConn,
  type PublishOptions,
  publishSettings,
  type SubscribeOptions,
  subscribeSettings,
} from "./options.ts";
import type { Listener } from "./topic.ts";

/** What a hub does, for presence; `undefined` of anything else. */
export let coreOf: (hub: unknown) => Core | undefined;

/**
 * Topics that connections subscribe to, in this process or, with a broker, in
 * many: what one publishes, the subscribers of all get.
 *
 * Nobody gets a message twice, and all get those of one publisher in its order.
 * Some may be lost, when the broker or its connection fails or a connection is
 * too slow: then `onGap` says which topic, why, and how many.
 *
 * With a broker, what is published goes through it and back, for the
 * subscribers of this process as well, so that all processes see one order where
 * the broker has one. Without, or with `local`, it goes out in order with what
 * `conn.send()` sends. What is published in one go, without an `await` between,
 * goes to each connection as one.
 *
 * @example A room
 * ```ts
 * import { dial, serve } from "@silverback/websocket";
 * import { Hub } from "@silverback/websocket/pubsub";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = new Hub();
 * await using server = await serve(async (conn) => {
 *   await hub.subscribe("room", conn);
 *   await conn.send("welcome");
 *   for await (const { data } of conn) hub.publish("room", data, { except: conn });
 * }, { port: 0 });
 *
 * const url = `ws://127.0.0.1:${server.addr.port}`;
 * const [{ conn: alice }, { conn: bob }] = [await dial(url), await dial(url)];
 * for (const conn of [alice, bob]) await conn.readMessage();
 * await alice.send("Hello");
 * assertEquals((await bob.readMessage()).data, "Hello");
 * await Promise.all([alice.close(), bob.close()]);
 * ```
 */
export class Hub implements AsyncDisposable {
  readonly #core: Core;

  static {
    coreOf = (hub) =>
      hub instanceof Object && #core in hub ? hub.#core : undefined;
  }

  /**
   * Makes a hub.
   *
   * @param options The broker, limits and times
   * @throws {TypeError} If an option is not known, or of the wrong type
   * @throws {RangeError} If an option is out of range
   */
  constructor(options?: HubOptions) {
    this.#core = new Core(hubSettings(options));
  }

  /**
   * Fulfils once the broker has confirmed the first subscription; rejects if it
   * has refused it, and need not be awaited: it is tried again with every
   * heartbeat.
   */
  get ready(): Promise<void> {
    return this.#core.ready;
  }

  /**
   * Milliseconds that the last heartbeat took through the broker; `undefined`
   * before the first, and without a broker.
   */
  get latency(): number | undefined {
    return this.#core.latency;
  }

  /**
   * Subscribes a connection, or a function of the server's own, to a topic. Once
   * it fulfils, what is published from then on comes. Who has subscribed already
   * only changes its options; with `slow: "cut"`, what it has missed is told first.
   * A connection that closes leaves by itself.
   *
   * The promise need not be awaited. What a listener throws goes to `onError`; it
   * must not change the bytes that it is given, as others get them too.
   *
   * @param topic The topic, of 1 to 1,024 UTF-16 units; brokers may allow less
   * @param who A connection, which gets strings as text and bytes as binary, or a
   * listener
   * @param options What becomes of a connection that reads too slowly
   * @throws {RangeError} If the connection has as many topics as `topicLimit`
   * allows, or the broker does not take the topic; it is not subscribed then. At
   * once, if the topic is empty or too long, or an option out of range
   * @throws {DOMException} `InvalidStateError` if the connection is not open or
   * the hub is closed, `AbortError` if it was unsubscribed before the broker
   * confirmed it, `TimeoutError` if that took more than 10 seconds
   * @throws {TypeError} At once, if an argument is of the wrong type
   *
   * @example A listener
   * ```ts
   * import { Hub } from "@silverback/websocket/pubsub";
   * import { assertEquals } from "@std/assert";
   *
   * await using hub = new Hub();
   * const heard: unknown[] = [];
   * await hub.subscribe("news", (data, topic) => heard.push([topic, data]));
   * await hub.publish("news", "Hello");
   * assertEquals(heard, [["news", "Hello"]]);
   * ```
   */
  subscribe(
    topic: string,
    who: Conn | Listener,
    options?: SubscribeOptions,
  ): Promise<void> {
    checkTopic(topic);
    checkWho("subscribe", who);
    return this.#core.subscribe(`:${topic}`, who, subscribeSettings(options));
  }

  /**
   * Ends a subscription, at once. Nothing happens where there is none.
   *
   * @param topic The topic
   * @param who The connection or the listener
   * @throws {RangeError} If the topic is empty or too long
   * @throws {TypeError} If an argument is of the wrong type
   *
   * @example Usage
   * ```ts
   * import { Hub } from "@silverback/websocket/pubsub";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * await using hub = new Hub();
   * await hub.subscribe("news", server);
   * hub.unsubscribe("news", server);
   * assertEquals(hub.subscribers("news").size, 0);
   * await Promise.all([client.close(), server.closed]);
   * ```
   */
  unsubscribe(topic: string, who: Conn | Listener): void {
    checkTopic(topic);
    checkWho("unsubscribe", who);
    this.#core.unsubscribe(`:${topic}`, who);
  }

  /**
   * Publishes a message to all subscribers of a topic. It fulfils once the broker
   * has the message. When it rejects, the message is not sent here either; where
   * the connection to the broker broke before the answer, others may have got
   * it. The promise need not be awaited; await it to keep to the broker's pace.
   *
   * @param topic The topic
   * @param data A string, sent as text, or bytes, sent as binary
   * @param options A connection that does not get it; whether it stays in this
   * process
   * @throws {RangeError} If the broker does not take messages of the size
   * @throws {PublishLimitError} If too much waits for the broker
   * @throws {DOMException} `InvalidStateError` if the hub is closed
   * @throws {Error} If the broker's client fails, with its error
   * @throws {TypeError} At once, if an argument is of the wrong type
   *
   * @example To all but its author
   * ```ts
   * import { Hub } from "@silverback/websocket/pubsub";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [alice, aliceHere] = pipe();
   * const [bob, bobHere] = pipe();
   * await using hub = new Hub();
   * for (const conn of [aliceHere, bobHere]) await hub.subscribe("room", conn);
   * hub.publish("room", "from Alice", { except: aliceHere });
   * hub.publish("room", "from nobody");
   *
   * assertEquals((await alice.readMessage()).data, "from nobody");
   * assertEquals((await bob.readMessage()).data, "from Alice");
   * await Promise.all([alice.close(), bob.close()]);
   * await Promise.all([aliceHere.closed, bobHere.closed]);
   * ```
   */
  publish(
    topic: string,
    data: string | Uint8Array,
    options?: PublishOptions,
  ): Promise<void> {
    checkTopic(topic);
    if (typeof data !== "string" && !(data instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot publish: data must be a string or a Uint8Array, got ${typeof data}`,
      );
    }
    if (typeof data !== "string") checkAttached(data, "publish");
    return this.#core.publish(`:${topic}`, data, publishSettings(options));
  }

  /**
   * The connections of this process that are subscribed to a topic and open, as
   * they are now.
   *
   * @param topic The topic
   * @returns The connections, in the order in which they came
   * @throws {RangeError} If the topic is empty or too long
   *
   * @example Usage
   * ```ts
   * import { Hub } from "@silverback/websocket/pubsub";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assert } from "@std/assert";
   *
   * const [client, server] = pipe();
   * await using hub = new Hub();
   * await hub.subscribe("news", server);
   * assert(hub.subscribers("news").has(server));
   * await Promise.all([client.close(), server.closed]);
   * ```
   */
  subscribers(topic: string): ReadonlySet<Conn> {
    checkTopic(topic);
    return this.#core.subscribers(`:${topic}`);
  }

  /**
   * Ends all subscriptions, here and at the broker, and tells the other hubs. What
   * slow connections have missed is told to `onGap`.
   * Connections stay open, and so do the broker's clients, which are the user's.
   *
   * @example Usage
   * ```ts
   * import { Hub } from "@silverback/websocket/pubsub";
   * import { assertRejects } from "@std/assert";
   *
   * const hub = new Hub();
   * await hub.close();
   * await assertRejects(() => hub.publish("news", "Hello"), DOMException);
   * ```
   */
  close(): Promise<void> {
    return this.#core.close();
  }

  /**
   * Closes the hub.
   *
   * @example At the end of a block
   * ```ts
   * import { Hub } from "@silverback/websocket/pubsub";
   *
   * {
   *   await using hub = new Hub();
   *   await hub.ready;
   * }
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function checkWho(action: string, who: unknown): void {
  if (typeof who === "function" || isConn(who)) return;
  throw new TypeError(`Cannot ${action}: it takes a Conn or a function`);
}
