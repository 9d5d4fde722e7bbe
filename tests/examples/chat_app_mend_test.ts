/** What the chat's rooms do when messages between its processes were lost. */

import { assertEquals } from "@std/assert";

import { LIMITS } from "../../examples/chat_app/limits.ts";
import type {
  ChatEvent,
  ChatMessage,
} from "../../examples/chat_app/protocol.ts";
import { Rooms, type SharedJournal } from "../../examples/chat_app/rooms.ts";
import { talk } from "../../examples/chat_app/talk.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { Hub } from "../../src/pubsub/mod.ts";
import { pipe } from "../../src/testing/mod.ts";
import { deferred, test, withTimeout } from "../support/helper.ts";
import {
  MemoryBroker,
  type MemoryClient,
} from "../unit/pubsub/memory_broker.ts";
import { FAST, joinOf } from "./chat_app_person.ts";

const limits = { ...LIMITS, ...FAST, history: 5 };

/** The journal that all processes share, in memory. */
class MemoryJournal implements SharedJournal {
  readonly messages: ChatMessage[] = [];
  down: Error | undefined;
  hold: Promise<void> | undefined;

  async read(): Promise<ChatMessage[]> {
    await undefined;
    if (this.down !== undefined) throw this.down;
    return this.messages.slice(-limits.history - 1);
  }

  async append(_room: string, message: ChatMessage): Promise<void> {
    await this.hold;
    if (this.down !== undefined) throw this.down;
    this.messages.push(message);
  }
}

/** A process of the chat, with people in it. */
class Process implements AsyncDisposable {
  readonly client: MemoryClient;
  readonly errors: unknown[] = [];
  readonly #hub: Hub;
  readonly #rooms: Rooms;
  readonly #conns: Conn[] = [];

  constructor(broker: MemoryBroker, journal: MemoryJournal) {
    this.client = broker.client();
    const report = (error: unknown) => this.errors.push(error);
    this.#hub = new Hub({
      broker: this.client,
      // What is lost is told when the connection is back, and only then.
      heartbeat: 60_000,
      onGap: ({ topic }) => this.#rooms.mend(topic).catch(report),
      onError: report,
    });
    this.#rooms = new Rooms({
      hub: this.#hub,
      limits,
      journal,
      writeDown: (room, message) => journal.append(room, message),
    });
  }

  async join(name: string, after = ""): Promise<Listener> {
    const [conn, server] = pipe();
    this.#conns.push(conn, server);
    talk(server, this.#rooms, limits).catch(() => {});
    conn.writeJSON(joinOf(name, { after }));
    const listener = new Listener(conn);
    await listener.until("welcome");
    return listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#conns) conn.terminate();
    await Promise.all(this.#conns.map((conn) => conn.closed));
    this.#rooms.close();
    await this.#hub.close();
  }
}

/** Somebody in a room, and what they have seen. */
class Listener {
  /** Messages as their number, gaps as such. */
  readonly seen: (number | "gap")[] = [];
  readonly #conn: Conn;

  constructor(conn: Conn) {
    this.#conn = conn;
  }

  say(i: number): void {
    this.#conn.writeJSON({ type: "say", id: `message-${i}`, text: `${i}` });
  }

  /** Reads on until an event, or the message of that number. */
  async until(what: "welcome" | "pong" | number): Promise<void> {
    const reading = async () => {
      for (;;) {
        const event = await this.#conn.readJSON<ChatEvent>();
        const { type } = event;
        if (type === "welcome") {
          if (event.gap) this.seen.push("gap");
          for (const { text } of event.messages) this.seen.push(Number(text));
        } else if (type === "said") {
          this.seen.push(Number(event.message.text));
        } else if (type === "gap") this.seen.push("gap");
        if (type === what || this.seen.at(-1) === what) return;
      }
    };
    await withTimeout(reading(), 5_000, `${what}, behind ${this.seen}`);
  }

  async ping(): Promise<void> {
    this.#conn.writeJSON({ type: "ping" });
    await this.until("pong");
  }
}

/** Two processes with one conversation, Ann's and Bo's. */
class Two implements AsyncDisposable {
  readonly journal: MemoryJournal = new MemoryJournal();
  readonly here: Process;
  readonly there: Process;
  ann!: Listener;
  bo!: Listener;

  private constructor() {
    const broker = new MemoryBroker();
    this.here = new Process(broker, this.journal);
    this.there = new Process(broker, this.journal);
  }

  static async open(): Promise<Two> {
    const two = new Two();
    two.ann = await two.here.join("Ann");
    two.bo = await two.there.join("Bo");
    return two;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.there[Symbol.asyncDispose]();
    await this.here[Symbol.asyncDispose]();
  }
}

test("chat_app tells a gap where more was missed than its journal keeps", async () => {
  await using two = await Two.open();
  const { here, there, ann, bo } = two;
  const say = async (from: number, to: number) => {
    for (let i = from; i <= to; i++) {
      ann.say(i);
      await ann.until(i);
    }
  };
  await say(1, 3);
  await bo.until(3);
  // What is missed is read again, as long as it is there.
  let mend = there.client.cut();
  await say(4, 8);
  mend();
  await bo.until(8);
  assertEquals(bo.seen, [1, 2, 3, 4, 5, 6, 7, 8]);
  mend = there.client.cut();
  await say(9, 14);
  mend();
  await bo.until(14);
  assertEquals(bo.seen.slice(8), ["gap", 10, 11, 12, 13, 14]);
  // And nothing is missing for who has missed nothing.
  mend = there.client.cut();
  mend();
  await say(15, 15);
  await bo.until(15);
  assertEquals(bo.seen.slice(14), [15]);
  // Who comes back from before the gap is told of it, on every process.
  for (const process of [here, there]) {
    const cy = await process.join(`Cy${process === here}`, "message-8");
    assertEquals(cy.seen, ["gap", 11, 12, 13, 14, 15]);
  }
});

test("chat_app tells the gap of a page that a new process has not seen", async () => {
  const broker = new MemoryBroker();
  const journal = new MemoryJournal();
  await using here = new Process(broker, journal);
  const ann = await here.join("Ann");
  for (let i = 1; i <= 8; i++) {
    ann.say(i);
    await ann.until(i);
  }
  await using late = new Process(broker, journal);
  const bo = await late.join("Bo", "message-2");
  assertEquals(bo.seen, ["gap", 4, 5, 6, 7, 8]);
  const cy = await late.join("Cy");
  assertEquals(cy.seen, [4, 5, 6, 7, 8]);
});

test("chat_app reads again what it could not read at first", async () => {
  await using two = await Two.open();
  const { there, journal, ann, bo } = two;
  ann.say(1);
  await bo.until(1);
  const mend = there.client.cut();
  ann.say(2);
  await ann.until(2);
  const down = new Error("down");
  journal.down = down;
  mend();
  await bo.ping();
  assertEquals(there.errors, [down]);
  journal.down = undefined;
  await bo.until(2);
  assertEquals(bo.seen, [1, 2]);
});

test("chat_app reads again what the second of two reads could not read", async () => {
  await using two = await Two.open();
  const { there, journal, ann, bo } = two;
  ann.say(1);
  await bo.until(1);
  const first = there.client.cut();
  first();
  const second = there.client.cut();
  ann.say(2);
  await ann.until(2);
  // The first read is under way, and the second fails.
  const read = deferred();
  const down = new Error("down");
  const before = journal.messages.slice(0, 1);
  journal.read = async () => {
    journal.read = () => Promise.reject(down);
    await read.promise;
    return before;
  };
  first();
  second();
  await bo.ping();
  read.resolve();
  await bo.ping();
  assertEquals(there.errors, [down]);
  delete (journal as Partial<MemoryJournal>).read;
  await bo.until(2);
  assertEquals(bo.seen, [1, 2]);
});

test("chat_app writes down once what is sent twice before that is done", async () => {
  const broker = new MemoryBroker();
  const journal = new MemoryJournal();
  await using here = new Process(broker, journal);
  const held = deferred();
  journal.hold = held.promise;
  const ann = await here.join("Ann");
  ann.say(1);
  // The page is cut off, and back.
  const again = await here.join("Ann");
  again.say(1);
  const bo = await here.join("Bo");
  held.resolve();
  journal.hold = undefined;
  await again.until(1);
  again.say(2);
  await bo.until(2);
  assertEquals(bo.seen, [1, 2]);
  assertEquals(journal.messages.map(({ text }) => text), ["1", "2"]);
});
