/**
 * What every broker has to do, in one call: over real servers, with hubs that
 * rely on it, and with everything that goes wrong on the way.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";

import type { Broker } from "../../../src/pubsub/broker.ts";
import { Hub } from "../../../src/pubsub/hub.ts";
import type { Gap, HubOptions } from "../../../src/pubsub/options.ts";
import { deferred, hex, test, withTimeout } from "../../support/helper.ts";
import { turn } from "../../unit/wire/held_stream.ts";
import { Lookout } from "./lookout.ts";
import { BrokerServer, type ServerKind } from "./servers.ts";
import { TcpLink } from "./tcp_link.ts";

/** A broker by a client of its own, and what ends that. */
export interface Client {
  readonly broker: Broker;
  close(): Promise<unknown> | void;
}

/** What the contract has to know of a broker. */
export interface BrokerCase {
  /** What the tests call it: the adapter and the client. */
  readonly name: string;
  /** The server; none where it is the runtime. */
  readonly server?: ServerKind;
  /** What is missing, so that it is not tested. */
  readonly lacks?: string | undefined;
  readonly only?: "deno" | "bun";
  /** Connects; fulfils once the client can be used. */
  connect(port: number): Promise<Client> | Client;
  /** Bytes of a message that it takes, and of one that it refuses. */
  readonly fits: number;
  readonly exceeds?: number;
  /** Whether all subscribers see one order of all publishers. */
  readonly oneOrder: boolean;
  /** Whether a cut loses nothing. */
  readonly lossless?: boolean;
  /** Whether its client keeps what is published while it is not connected. */
  readonly waits?: boolean;
}

const HEARTBEAT = 250;

/** One process's hub, with what it has heard. */
class Peer extends Lookout implements AsyncDisposable {
  readonly hub: Hub;
  readonly link: TcpLink | undefined;
  readonly heard: (string | Uint8Array)[] = [];
  readonly gaps: Gap[] = [];
  readonly #client: Client;

  private constructor(
    link: TcpLink | undefined,
    client: Client,
    broker: Broker,
    options: HubOptions,
  ) {
    super();
    this.link = link;
    this.#client = client;
    this.hub = new Hub({
      broker,
      heartbeat: HEARTBEAT,
      linger: 0,
      onGap: (gap) => {
        this.gaps.push(gap);
        this.look();
      },
      onError: () => {},
      ...options,
    });
  }

  static async of(
    one: BrokerCase,
    server: BrokerServer | undefined,
    wrap: (broker: Broker) => Broker = (broker) => broker,
    options: HubOptions = {},
  ): Promise<Peer> {
    const link = server && await TcpLink.to(server.port);
    const client = await one.connect(link?.port ?? 0);
    const peer = new Peer(link, client, wrap(client.broker), options);
    await peer.hub.ready;
    return peer;
  }

  readonly listener = (data: string | Uint8Array): void => {
    this.heard.push(data);
    this.look();
  };

  get missed(): number {
    return this.gaps.reduce((sum, { missed = 0 }) => sum + missed, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub.close();
    await this.#client.close();
    await this.link?.[Symbol.asyncDispose]();
  }
}

/** Registers the tests of a broker. */
export function brokerContract(one: BrokerCase): void {
  const it = (
    name: string,
    fn: (server: BrokerServer | undefined) => Promise<void>,
  ) => {
    const lacks = one.lacks ?? one.server?.lacks;
    const only = one.only === undefined ? {} : { only: one.only };
    test(`${one.name}: ${name}`, async () => {
      const { server: kind } = one;
      if (kind === undefined) return await fn(undefined);
      await using server = await BrokerServer.start(kind);
      await fn(server);
    }, { lacks, ...only, timeout: 60_000 });
  };

  it("carries messages to all who have subscribed, whole and in order", async (server) => {
    await using a = await Peer.of(one, server);
    await using b = await Peer.of(one, server);
    for (const { hub, listener } of [a, b]) {
      await hub.subscribe("a topic.*> ü", listener);
    }
    const odd = ["", "\n", "a\r\nb", "ü 🙂 \u2028", hex("00 ff 80"), hex("")];
    for (const data of odd) await a.hub.publish("a topic.*> ü", data);
    for (const peer of [a, b]) {
      await peer.until(
        "all that is odd",
        () => peer.heard.length === odd.length,
      );
    }
    const count = 300;
    for (let i = 0; i < count; i++) {
      a.hub.publish("a topic.*> ü", `a ${i}`);
      b.hub.publish("a topic.*> ü", `b ${i}`);
    }
    for (const peer of [a, b]) {
      const { heard } = peer;
      await peer.until("all", () => heard.length >= odd.length + 2 * count);
      assertEquals(heard.slice(0, odd.length), odd);
      for (const who of ["a", "b"]) {
        assertEquals(
          heard.filter((data) => String(data).startsWith(`${who} `)),
          Array.from({ length: count }, (_, i) => `${who} ${i}`),
        );
      }
    }
    if (one.oneOrder) assertEquals(a.heard, b.heard);
    assertEquals([...a.gaps, ...b.gaps], []);
    assert(a.hub.latency! > 0);
  });

  it("hears what is published from the confirmation on, and nothing after the end", async (server) => {
    await using a = await Peer.of(one, server);
    await using b = await Peer.of(one, server);
    const stale: unknown[] = [];
    for (let i = 0; i < 300; i++) {
      const before = (data: unknown) => void stale.push(data);
      const { promise, resolve } = deferred<string | Uint8Array>();
      // A join, a leave and a join that cross.
      if (i % 3 > 0) a.hub.subscribe("topic", before);
      if (i % 3 > 1) await undefined;
      a.hub.unsubscribe("topic", before);
      await a.hub.subscribe("topic", resolve);
      await b.hub.publish("topic", `${i}`);
      const heard = await withTimeout(promise, 10_000, `message ${i}`);
      assertEquals(heard, `${i}`);
      a.hub.unsubscribe("topic", resolve);
    }
    assertEquals(stale, []);
    assertEquals(a.gaps, []);
  });

  it("carries what is large, and refuses what is too large before it is sent", async (server) => {
    await using a = await Peer.of(one, server);
    await a.hub.subscribe("topic", a.listener);
    const text = "x".repeat(one.fits);
    const bytes = new Uint8Array(Math.floor(one.fits / 4 * 3 - 4));
    for (let i = 0; i < bytes.length; i++) bytes[i] = i * i;
    for (const data of [text, bytes]) await a.hub.publish("topic", data);
    await a.until("both", () => a.heard.length === 2);
    assert(a.heard[0] === text);
    assertEquals(a.heard[1], bytes);
    if (one.exceeds !== undefined) {
      await assertRejects(
        () => a.hub.publish("topic", "x".repeat(one.exceeds!)),
        RangeError,
      );
    }
    await a.hub.publish("topic", "last");
    await a.until("the last", () => a.heard.length === 3);
    assertEquals(a.gaps, []);
  });

  it("is linked anew when its client has gone deaf", async (server) => {
    let deaf = false;
    let beats = 0;
    await using a = await Peer.of(one, server);
    await using b = await Peer.of(one, server, (broker) => ({
      publish: (channel, message) => {
        if (deaf && channel.endsWith("!")) beats++;
        return broker.publish(channel, message);
      },
      subscribe: (channel, receiver) => {
        deaf = false;
        return broker.subscribe(channel, {
          message: (text) => deaf || receiver.message(text),
          interrupted: () => receiver.interrupted(),
          failed: (error) => receiver.failed?.(error),
        });
      },
    }));
    await b.hub.subscribe("topic", b.listener);
    await a.hub.publish("topic", "0");
    await b.until("the first", () => b.heard.length === 1);
    deaf = true;
    for (let i = 1; i < 10; i++) await a.hub.publish("topic", `${i}`);
    // That of the link, not that of the numbers, which may come before.
    await b.until(
      "the gap",
      () => b.gaps.some(({ missed }) => missed === undefined),
    );
    assert(beats <= 3, `${beats} heartbeats`);
    await a.hub.publish("topic", "10");
    await b.until("the last", () => b.heard.at(-1) === "10");
    assertEquals(b.missed, one.lossless ? 11 - b.heard.length : 9);
  });

  if (one.server === undefined) return;

  it("is cut five times, and knows what it has missed", async (server) => {
    await using a = await Peer.of(one, server);
    await using b = await Peer.of(one, server);
    await b.hub.subscribe("topic", b.listener);
    const log = new Publications(a.hub);
    await log.publish();
    await b.until("the first", () => b.heard.length === 1);
    for (let cut = 0; cut < 5; cut++) {
      for (let i = 0; i < 200; i++) await log.publish();
      b.link!.cut();
      for (let i = 0; i < 200; i++) await log.publish();
    }
    await log.until([b]);
    assertEquals(log.rejected, 0);
    const lost = log.check(b);
    if (one.lossless) assertEquals([lost, b.gaps], [0, []]);
    else {
      assert(lost > 0);
      const isUnknown = ({ missed }: Gap) => missed === undefined;
      await b.until("a gap for the cut", () => b.gaps.some(isUnknown));
    }
  });

  it("is cut before the first message, and knows what it has missed", async (server) => {
    let beat = () => {};
    await using a = await Peer.of(one, server, (broker) => ({
      publish: (channel, message) => broker.publish(channel, message),
      subscribe: (channel, receiver) =>
        broker.subscribe(channel, {
          ...receiver,
          message: (text) => {
            receiver.message(text);
            if (channel.endsWith("!")) beat();
          },
        }),
    }));
    const beats = (count: number) => {
      const { promise, resolve } = deferred();
      beat = () => --count || resolve();
      return withTimeout(promise, 20_000, "heartbeats");
    };
    await using b = await Peer.of(one, server);
    await b.hub.subscribe("topic", b.listener);
    await beats(8); // of two hubs: from the third of each on a number is sure
    const log = new Publications(a.hub);
    b.link!.cut();
    for (let i = 0; i < 20; i++) await log.publish();
    await beats(3);
    await log.until([b]);
    const lost = log.check(b);
    if (one.lossless) assertEquals([lost, b.gaps], [0, []]);
    else assert(lost > 0);
  });

  it("comes back by itself when the broker was killed", async (server) => {
    await using a = await Peer.of(one, server);
    await using b = await Peer.of(one, server);
    for (const { hub, listener } of [a, b]) {
      await hub.subscribe("topic", listener);
    }
    const log = new Publications(a.hub);
    await log.publish();
    for (const peer of [a, b]) {
      await peer.until("the first", () => peer.heard.length === 1);
    }
    for (let i = 0; i < 100; i++) await log.publish();
    await server!.kill();
    const published: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) {
      published.push(log.publish());
      await later(5);
    }
    await server!.start();
    await withTimeout(Promise.all(published), 30_000, "what was published");
    if (!one.waits) assert(log.rejected > 0, "nothing was refused");
    await log.until([a, b]);
    for (const peer of [a, b]) {
      log.check(peer);
      // It may come after the first message.
      if (one.lossless) continue;
      await peer.until("a gap", () => peer.gaps.length > 0);
    }
  });
}

/** Numbers that a hub publishes, one after the other. */
class Publications {
  readonly #hub: Hub;
  readonly #accepted: string[] = [];
  #sent = 0;
  rejected = 0;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  async publish(): Promise<void> {
    const data = `${this.#sent++}`;
    try {
      await this.#hub.publish("topic", data);
      this.#accepted.push(data);
    } catch {
      this.rejected++;
    }
    // What was written goes out, also where nobody waits for the broker.
    await turn();
  }

  /** Goes on until something more is accepted, and all hear it. */
  async until(peers: Peer[]): Promise<void> {
    const all = async () => {
      const hear = (data: string) =>
        peers.every(({ heard }) => heard.includes(data));
      const before = this.#accepted.length;
      do {
        await this.publish();
        await later(20);
      } while (
        this.#accepted.length < before + 3 ||
        !this.#accepted.slice(-3).every(hear)
      );
    };
    await withTimeout(all(), 30_000, "all to hear again");
  }

  /** That what is known to be missed is what is lost; how much that is. */
  check(peer: Peer): number {
    const heard = peer.heard.map(Number);
    assertEquals(heard, [...new Set(heard)].sort((x, y) => x - y));
    const set = new Set(peer.heard);
    const lost = this.#accepted.filter((data) => !set.has(data)).length;
    assertEquals(peer.missed, lost, "what is known missed is what is lost");
    return lost;
  }
}

/** A wait for a broker or a client that tells nothing. */
function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
