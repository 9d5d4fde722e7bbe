// Topics, members and what is published share their state, hence past 300 lines.

import { type Conn, outboundOf } from "../conn/conn.ts";
import { logError } from "../base/log_error.ts";
import { settled } from "../base/user_values.ts";
import { countMessage, isTurnOver, nextTurn } from "../base/turns.ts";
import { MessageType } from "../message.ts";
import { PreparedMessage } from "../prepared.ts";
import { type Mark, readEnvelope, writeEnvelope } from "./envelope.ts";
import { Link } from "./link.ts";
import { Sent, type Stand } from "./numbers.ts";
import type { Gap, HubSettings, PublishOptions } from "./options.ts";
import { PublishLimitError } from "./publish_limit_error.ts";
import { Pulse } from "./pulse.ts";
import {
  type Listener,
  type Member,
  Subscription,
  Topic,
  type TopicOwner,
} from "./topic.ts";

// Milliseconds that the broker has for the confirmation of a subscription.
const PATIENCE = 10_000;
// Topics that linger at the most: peers may come and go without end.
const MAX_IDLE = 1_000;
/** Bytes that a message which the broker has not confirmed takes beside its own. */
const KEPT = 256;
// Milliseconds between two looks at the connections that were over their backlog.
const LOOK_EVERY = 50;

const RESOLVED: Promise<void> = Promise.resolve();

// What is not sent yet: of one topic of one hub, so that hubs which share a
// connection keep their order on it.
let gathering: { readonly topic: Topic; readonly owner: Core } | undefined;

/** What presence learns. */
export interface Watcher {
  /** A topic has its first subscriber, with others to hear of at the broker. */
  used(topic: string): void;
  /** It has lost its last subscriber. */
  unused(topic: string): void;
  /** A connection has left a topic, or has closed. */
  left(key: string | undefined, conn: Conn): void;
  /** Messages of a topic may have been missed. */
  gap(key: string): void;
  /** A hub that was not known lives. */
  arrived(hub: string): void;
  /** A hub lives no more. */
  gone(hub: string): void;
  /** A heartbeat is due. */
  beat(): void;
}

interface Delivery {
  readonly topic: Topic;
  readonly data: string | Uint8Array;
  readonly except: number;
}

/**
 * What a hub does. Topics go by their keys: the topic behind `:`, or behind `?`
 * for what presence says about it.
 */
export class Core implements TopicOwner {
  readonly settings: HubSettings;
  /** What names this hub. */
  readonly id: string;
  readonly ready: Promise<void>;
  readonly #watchers: Set<Watcher> = new Set();
  readonly #topics: Map<string, Topic> = new Map();
  readonly #members: Map<Conn, Member> = new Map();
  readonly #sent: Sent = new Sent();
  readonly #pulse: Pulse | undefined;
  readonly #idle: Set<Topic> = new Set();
  readonly #slow: Map<Subscription, Topic> = new Map();
  #looking: ReturnType<typeof setInterval> | undefined;
  #lastMember = 0;
  #unconfirmed = 0; // bytes of messages
  #kept = 0; // and what else is kept of them
  readonly #told: Set<unknown> = new Set(); // errors, in this microtask
  #deliveries: Delivery[] | undefined; // while one is under way
  #closed: Promise<void> | undefined;

  constructor(settings: HubSettings) {
    this.settings = settings;
    this.id = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
    const { broker, heartbeat, prefix } = settings;
    if (broker === undefined) {
      this.ready = Promise.resolve();
      return;
    }
    this.#pulse = new Pulse(
      {
        hub: this.id,
        broker,
        heartbeat,
        channel: `${prefix}!`,
        patience: PATIENCE,
      },
      this.#sent,
      {
        named: (hub, key, mark, stand) => this.#named(hub, key, mark, stand),
        deaf: () => {
          for (const { link } of this.#topics.values()) link?.renew();
        },
        arrived: (hub) => {
          for (const watcher of this.#watchers) watcher.arrived(hub);
        },
        gone: (hub) => this.#gone(hub),
        unheard: (error) => this.#unheard(error),
        failed: (error) => this.failed(error),
        beat: () => {
          for (const { link } of this.#topics.values()) {
            if (link?.isLost) link.renew();
          }
          for (const watcher of this.#watchers) watcher.beat();
        },
      },
    );
    this.ready = handled(this.#pulse.start());
  }

  get latency(): number | undefined {
    return this.#pulse?.latency;
  }

  get hubs(): Iterable<string> {
    return this.#pulse?.hubs ?? [this.id];
  }

  /** A hub has said something of itself. */
  meet(hub: string): void {
    this.#pulse?.meet(hub);
  }

  /** Tells a presence what it has to know, from now on. */
  watch(watcher: Watcher): void {
    this.#watchers.add(watcher);
    for (const { key, name } of this.#topics.values()) {
      if (key.startsWith(":") && this.isUsed(name)) watcher.used(name);
    }
  }

  /** Whether a topic has subscribers, with others to hear of at the broker. */
  isUsed(name: string): boolean {
    const topic = this.#topics.get(`:${name}`);
    return topic?.link !== undefined && !topic.isEmpty;
  }

  subscribe(
    key: string,
    who: Conn | Listener,
    settings: { slow: "cut" | "skip"; backlog: number },
  ): Promise<void> {
    // What was published before is not for who comes now.
    flush();
    const name = key.slice(1);
    if (this.#closed !== undefined) return rejected(closedError("subscribe"));
    if (typeof who !== "function" && who.state !== "open") {
      return rejected(
        new DOMException(
          `Cannot subscribe to ${
            JSON.stringify(name)
          }: the connection is ${who.state}`,
          "InvalidStateError",
        ),
      );
    }
    const there = this.#topics.get(key);
    const earlier = typeof who === "function"
      ? there?.listeners.get(who)
      : there?.conns.get(who);
    if (earlier !== undefined) {
      earlier.slow = settings.slow;
      earlier.backlog = settings.backlog;
      // It misses nothing any more, and what it has missed comes first.
      if (settings.slow === "cut" && earlier.missed > 0) {
        this.drained(there!, earlier);
      }
      return earlier.joined;
    }
    let member: Member | undefined;
    if (typeof who !== "function") {
      member = this.#member(who);
      const { topicLimit } = this.settings;
      if (member.count >= topicLimit) {
        return rejected(
          new RangeError(
            `Cannot subscribe to ${
              JSON.stringify(name)
            }: the connection has its ${topicLimit} topics`,
          ),
        );
      }
      member.count++;
    }
    const topic = there ?? this.#addTopic(key);
    const isFirst = topic.isEmpty;
    this.#idle.delete(topic);
    const subscription = new Subscription(member, settings);
    if (typeof who === "function") topic.listeners.set(who, subscription);
    else {
      topic.conns.set(who, subscription);
      member!.topics.set(topic, subscription);
    }
    if (topic.link === undefined) {
      subscription.pending = false;
      return subscription.joined;
    }
    subscription.joined = handled(
      this.#join(topic, topic.link, who, subscription),
    );
    if (isFirst && key.startsWith(":")) {
      for (const watcher of this.#watchers) watcher.used(name);
    }
    return subscription.joined;
  }

  async #join(
    topic: Topic,
    link: Link,
    who: Conn | Listener,
    subscription: Subscription,
  ): Promise<void> {
    const { member } = subscription;
    const isIn = () => this.#isIn(topic, who, subscription);
    try {
      await link.up();
    } catch (error) {
      subscription.pending = false;
      if (isIn()) this.#remove(topic, who, subscription);
      else if (member !== undefined) member.count--;
      throw error;
    }
    if (topic.heard.since === Infinity) topic.heard.since = performance.now();
    subscription.pending = false;
    if (isIn()) return;
    if (member !== undefined) member.count--;
    throw new DOMException(
      `Cannot subscribe to ${
        JSON.stringify(topic.name)
      }: it was unsubscribed meanwhile`,
      "AbortError",
    );
  }

  #isIn(
    topic: Topic,
    who: Conn | Listener,
    subscription: Subscription,
  ): boolean {
    const there = typeof who === "function"
      ? topic.listeners.get(who)
      : topic.conns.get(who);
    return there === subscription;
  }

  unsubscribe(key: string, who: Conn | Listener): void {
    const topic = this.#topics.get(key);
    const subscription = typeof who === "function"
      ? topic?.listeners.get(who)
      : topic?.conns.get(who);
    if (topic !== undefined && subscription !== undefined) {
      flush();
      // It may have left meanwhile.
      if (this.#isIn(topic, who, subscription)) {
        this.#remove(topic, who, subscription);
      }
    }
    if (typeof who === "function") return;
    for (const watcher of this.#watchers) watcher.left(key, who);
  }

  /** Fulfils once the broker has it. */
  publish(
    key: string,
    data: string | Uint8Array,
    { except, local = false }: PublishOptions,
  ): Promise<void> {
    if (this.#closed !== undefined) return rejected(closedError("publish"));
    const id = except === undefined ? 0 : this.#members.get(except)?.id ?? 0;
    const whole = typeof data === "string" ? data.toWellFormed() : data;
    const { broker, prefix, publishLimit } = this.settings;
    if (broker === undefined || local) {
      const topic = this.#topics.get(key);
      if (topic !== undefined) this.#deliver(topic, whole, id);
      countMessage(whole.length);
      return isTurnOver() ? nextTurn() : RESOLVED;
    }
    const size = whole.length;
    // Its envelope, its channel, and what a client keeps of each.
    const more = key.length + KEPT;
    if (
      this.#kept > 0 &&
      (this.#unconfirmed + size > publishLimit ||
        this.#kept + more > publishLimit)
    ) return rejected(new PublishLimitError(publishLimit));
    const mark = this.#sent.next(key);
    let said: Promise<unknown> | void;
    try {
      const text = writeEnvelope({
        hub: this.id,
        ...mark,
        except: id,
        data: whole as string | Uint8Array<ArrayBuffer>,
      });
      said = broker.publish(prefix + key, text);
    } catch (error) {
      this.#sent.settle(key, false);
      return rejected(error);
    }
    if (said === undefined) {
      this.#sent.settle(key, true);
      countMessage(whole.length);
      return isTurnOver() ? nextTurn() : RESOLVED;
    }
    this.#unconfirmed += size;
    this.#kept += more;
    const settle = (accepted: boolean) => {
      this.#unconfirmed -= size;
      this.#kept -= more;
      this.#sent.settle(key, accepted);
    };
    return handled(
      Promise.resolve(said).then(() => settle(true), (error) => {
        settle(false);
        throw error;
      }),
    );
  }

  subscribers(key: string): ReadonlySet<Conn> {
    const conns = new Set<Conn>();
    for (const [conn, { pending }] of this.#topics.get(key)?.conns ?? []) {
      if (!pending && conn.state === "open") conns.add(conn);
    }
    return conns;
  }

  close(): Promise<void> {
    flush();
    if (this.#closed === undefined) {
      const slow = [...this.#slow];
      // What is told finds the hub closed, so that nothing more is missed.
      this.#closed = this.#close();
      for (const [subscription, topic] of slow) {
        this.drained(topic, subscription);
      }
    }
    return this.#closed;
  }

  async #close(): Promise<void> {
    const ended = [...this.#topics.values()].map((topic) => {
      topic.conns.clear();
      topic.listeners.clear();
      return topic.link?.end();
    });
    this.#topics.clear();
    this.#members.clear();
    this.#idle.clear();
    this.#slow.clear();
    clearInterval(this.#looking);
    await Promise.all([this.#pulse?.end(), ...ended]);
  }

  /** Takes a connection out of all its topics. */
  left(conn: Conn): void {
    const member = this.#members.get(conn);
    for (const [topic, subscription] of member?.topics ?? []) {
      this.#remove(topic, conn, subscription);
    }
    this.#members.delete(conn);
    for (const watcher of this.#watchers) watcher.left(undefined, conn);
  }

  slowed(topic: Topic, subscription: Subscription): void {
    this.#slow.set(subscription, topic);
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY);
  }

  drained(topic: Topic, subscription: Subscription): void {
    const { missed, member } = subscription;
    subscription.missed = 0;
    this.#forgetSlow(subscription);
    const { conn } = member!;
    this.#tell({ topic: topic.name, cause: "slow", conn, missed });
  }

  /** Tells of an error; nothing that this throws leaves it. */
  failed(error: unknown): void {
    // A broker may be gone before the hub.
    if (this.#closed === undefined) this.#thrown(error);
  }

  // A client that hears nothing says so of each channel, in one go.
  #unheard(error: unknown): void {
    if (this.#told.has(error)) return;
    this.#told.add(error);
    queueMicrotask(() => this.#told.clear());
    this.failed(error);
  }

  // What the user's own code has thrown is told at any time.
  #thrown(error: unknown): void {
    callUser(() => this.settings.onError(error), logError);
  }

  #member(conn: Conn): Member {
    let member = this.#members.get(conn);
    if (member === undefined) {
      const id = ++this.#lastMember;
      const outbound = outboundOf(conn);
      member = { conn, id, topics: new Map(), count: 0, outbound };
      this.#members.set(conn, member);
      if (outbound !== undefined) outbound.before = flush;
      conn.closed.then(() => this.left(conn));
    }
    return member;
  }

  #addTopic(key: string): Topic {
    const topic = new Topic(key);
    this.#topics.set(key, topic);
    const { broker, prefix, linger } = this.settings;
    if (broker !== undefined) {
      topic.link = new Link(prefix + key, {
        message: (text) => this.#receive(topic, text),
        interrupted: () => {
          topic.renewedAt = performance.now();
          this.#missed(topic, undefined);
        },
        unlinked: () => {
          topic.reset();
          this.#forgetTopic(topic);
        },
        unheard: (error) => this.#unheard(error),
        failed: (error) => this.failed(error),
      }, { broker, linger, patience: PATIENCE });
    }
    return topic;
  }

  #remove(
    topic: Topic,
    who: Conn | Listener,
    subscription: Subscription,
  ): void {
    if (typeof who === "function") topic.listeners.delete(who);
    else {
      const member = subscription.member!;
      topic.conns.delete(who);
      member.topics.delete(topic);
      // A peer that comes and goes must not ask the broker for ever more.
      if (!subscription.pending) member.count--;
    }
    const { missed } = subscription;
    this.#forgetSlow(subscription);
    if (missed > 0 && typeof who !== "function" && who.state === "open") {
      subscription.missed = 0;
      this.#tell({ topic: topic.name, cause: "slow", conn: who, missed });
    }
    if (!topic.isEmpty) return;
    if (topic.link === undefined) {
      this.#forgetTopic(topic);
      return;
    }
    this.#idle.add(topic);
    topic.link.down(this.#idle.size > MAX_IDLE);
    if (!topic.key.startsWith(":")) return;
    for (const watcher of this.#watchers) watcher.unused(topic.name);
  }

  #forgetTopic(topic: Topic): void {
    if (!topic.isEmpty || this.#topics.get(topic.key) !== topic) return;
    this.#topics.delete(topic.key);
    this.#idle.delete(topic);
  }

  #forgetSlow(subscription: Subscription): void {
    this.#slow.delete(subscription);
    if (this.#slow.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #look(): void {
    for (const [subscription, topic] of this.#slow) {
      if (subscription.hasDrained) this.drained(topic, subscription);
    }
  }

  #receive(topic: Topic, text: string): void {
    const envelope = readEnvelope(text);
    if (envelope === undefined) {
      this.failed(
        new Error(
          `Cannot read message on channel ${this.settings.prefix}${topic.key}: it is of another program`,
        ),
      );
      return;
    }
    const { hub, data, except } = envelope;
    if (topic.heard.isRepeat(hub, envelope)) return;
    const missed = topic.heard.came(hub, envelope, this.#pulse?.stand(hub));
    if (missed > 0) this.#missed(topic, missed);
    this.#deliver(topic, data, hub === this.id ? except : 0);
  }

  // A hub has named its last number: what has not come by now does not come.
  #named(
    hub: string,
    key: string,
    mark: Mark,
    stand: Stand | undefined,
  ): void {
    const topic = this.#topics.get(key);
    if (topic === undefined) return;
    const missed = topic.heard.named(hub, mark, stand);
    if (missed === 0) return;
    this.#missed(topic, missed);
    // The client may hear the other channels only; but what is named is a
    // heartbeat old, and may have been lost before the topic was linked anew.
    const age = performance.now() - topic.renewedAt;
    if (age > 2 * this.settings.heartbeat) topic.link?.renew();
  }

  #gone(hub: string): void {
    for (const { heard } of this.#topics.values()) heard.forget(hub);
    for (const watcher of this.#watchers) watcher.gone(hub);
  }

  #missed(topic: Topic, missed: number | undefined): void {
    if (topic.isEmpty) return;
    if (topic.key.startsWith("?")) {
      for (const watcher of this.#watchers) watcher.gap(topic.key);
    } else {
      this.#tell({ topic: topic.name, cause: "broker", missed });
    }
  }

  #tell(gap: Gap): void {
    callUser(() => this.settings.onGap(gap), (error) => this.#thrown(error));
  }

  // What a listener publishes comes after what it is told, for everybody.
  #deliver(topic: Topic, data: string | Uint8Array, except: number): void {
    const delivery: Delivery = { topic, data, except };
    if (this.#deliveries !== undefined) {
      this.#deliveries.push(delivery);
      return;
    }
    this.#deliveries = [delivery];
    try {
      for (const next of this.#deliveries) this.#deliverNow(next);
    } finally {
      this.#deliveries = undefined;
    }
  }

  // What is published to a topic in one go is sent as one to each connection: it
  // costs little more than one message does. What the connection itself sends,
  // another topic's messages or another hub's, and whoever comes or leaves, find
  // it sent.
  #gather(
    topic: Topic,
    message: PreparedMessage,
    size: number,
    except: number,
  ): void {
    if (gathering?.topic !== topic) {
      flush();
      gathering = { topic, owner: this };
      queueMicrotask(flush);
    }
    if (topic.gather(message, size, except)) flush();
  }

  #deliverNow({ topic, data, except }: Delivery): void {
    if (topic.conns.size > 0) {
      const type = typeof data === "string"
        ? MessageType.Text
        : MessageType.Binary;
      this.#gather(topic, new PreparedMessage(type, data), data.length, except);
    }
    for (const listener of [...topic.listeners.keys()]) {
      callUser(
        () => listener(data, topic.name),
        (error) => this.#thrown(error),
      );
    }
  }
}

function flush(): void {
  const now = gathering;
  gathering = undefined;
  now?.topic.flush(now.owner);
}

/** Calls user code; its type does not forbid an async function. */
function callUser(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call();
    if (result !== undefined) settled(result).catch(failed);
  } catch (error) {
    failed(error);
  }
}

function closedError(action: string): DOMException {
  return new DOMException(
    `Cannot ${action}: the hub is closed`,
    "InvalidStateError",
  );
}

// A failure that nobody has to await.
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

// It comes in the next turn: who tries again and again must not keep everybody
// else waiting.
function rejected(error: unknown): Promise<never> {
  return handled(
    nextTurn().then(() => {
      throw error;
    }),
  );
}
