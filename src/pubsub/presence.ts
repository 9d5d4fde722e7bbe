// What is tracked, said and heard shares the rooms, hence past 300 lines.

import type { Conn } from "../conn/conn.ts";
import { nextTurn } from "../base/turns.ts";
import type { Core, Watcher } from "./core.ts";
import { coreOf, type Hub } from "./hub.ts";
import { checkTopic, isConn } from "./options.ts";
import { Room } from "./room.ts";
import { partsOf, readSaying, type Saying } from "./sayings.ts";

const MAX_NAME = 255;
// Hubs that were taken to be gone, which may come back.
const MAX_GONE = 1_000;
// Rooms up to which one that nobody of ours is in stays for what is to be told:
// peers may come and go without end while the broker takes nothing.
const MAX_OWING = 1_000;
// Heartbeats in which who is asked must have answered.
const PATIENCE = 3;

/**
 * Who is in which topic, in all processes whose hubs are joined by a broker. A
 * process that dies takes its names along: the others notice within four
 * heartbeats.
 *
 * A name stands for as many connections as are tracked with it, and leaves with
 * the last of them.
 *
 * With a broker it has a channel of its own there beside each topic that the hub
 * has subscribers of.
 *
 * @example Who is in a room
 * ```ts
 * import { Hub, Presence } from "@silverback/websocket/pubsub";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = pipe();
 * await using hub = new Hub();
 * const presence = new Presence(hub);
 * await presence.track("room", server, "Alice");
 * assertEquals(presence.list("room"), ["Alice"]);
 *
 * await Promise.all([client.close(), server.closed]);
 * assertEquals(presence.list("room"), []);
 * ```
 */
export class Presence {
  readonly #core: Core;
  readonly #id: string = crypto.randomUUID().slice(0, 8);
  readonly #rooms: Map<string, Room> = new Map();
  readonly #conns: Map<Conn, Set<Room>> = new Map();
  readonly #gone: Set<string> = new Set();
  // Rooms of used topics that the broker has refused, until the next heartbeat.
  readonly #refused: Set<string> = new Set();

  /**
   * Makes the presence of a hub.
   *
   * @param hub The hub
   * @throws {TypeError} If it is none
   */
  constructor(hub: Hub) {
    const core = coreOf(hub);
    if (core === undefined) {
      throw new TypeError("Cannot make presence: it takes a Hub");
    }
    this.#core = core;
    const watcher: Watcher = {
      used: (topic) => void this.#room(`?${topic}`),
      unused: (topic) => {
        const room = this.#rooms.get(`?${topic}`);
        if (room !== undefined) this.#closeEmpty(room);
      },
      left: (key, conn) => this.#left(key, conn),
      gap: (key) => this.#ask(key),
      arrived: (hub) => {
        // It was there all the time.
        if (!this.#gone.delete(hub)) return;
        for (const key of this.#rooms.keys()) this.#ask(key);
      },
      gone: (hub) => this.#forget(hub),
      beat: () => {
        for (const room of this.#rooms.values()) this.#beat(room);
        const refused = [...this.#refused];
        this.#refused.clear();
        for (const key of refused) {
          if (this.#core.isUsed(key.slice(1))) this.#room(key);
        }
      },
    };
    core.watch(watcher);
  }

  /**
   * Tracks a connection in a topic, under a name, until it closes or is
   * unsubscribed from the topic by `hub.unsubscribe()`. It need not be subscribed.
   * Another name takes the place of the first. The promise need not be awaited.
   *
   * @param topic The topic
   * @param conn The connection
   * @param name The name, of 1 to 255 UTF-16 units; several may have the same
   * @throws {RangeError} If the connection has as many topics here as the hub's
   * `topicLimit` allows. At once, if the topic or the name is empty or too long
   * @throws {DOMException} `InvalidStateError` if the connection is not open or
   * the hub is closed; `AbortError`, `TimeoutError` as `hub.subscribe()`
   * @throws {TypeError} At once, if an argument is of the wrong type
   *
   * @example Usage
   * ```ts
   * import { Hub, Presence } from "@silverback/websocket/pubsub";
   * import { pipe } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [client, server] = pipe();
   * await using hub = new Hub();
   * const presence = new Presence(hub);
   * await presence.track("room", server, "Alice");
   * await presence.track("room", server, "Alicia");
   * assertEquals(presence.list("room"), ["Alicia"]);
   * await Promise.all([client.close(), server.closed]);
   * ```
   */
  track(topic: string, conn: Conn, name: string): Promise<void> {
    checkTopic(topic);
    checkName(name);
    if (!isConn(conn)) throw new TypeError("Cannot track: it takes a Conn");
    // In a later turn, as a loop that ignores errors must not keep others waiting.
    const promise = this.#track(`?${topic}`, conn, name).finally(nextTurn);
    promise.catch(() => {});
    return promise;
  }

  /**
   * The names in a topic, in all processes, sorted. A process knows of the topics
   * that its hub has subscribers of, or that it tracks a connection of its own in;
   * of the other processes it learns a moment after the first of them. Where the
   * broker refuses that, `onError` is told, and each heartbeat tries again.
   *
   * @param topic The topic
   * @returns The names, each once
   * @throws {RangeError} If the topic is empty or too long
   *
   * @example Usage
   * ```ts
   * import { Hub, Presence } from "@silverback/websocket/pubsub";
   * import { assertEquals } from "@std/assert";
   *
   * await using hub = new Hub();
   * assertEquals(new Presence(hub).list("room"), []);
   * ```
   */
  list(topic: string): string[] {
    checkTopic(topic);
    const key = `?${topic}`;
    return this.#rooms.get(key)?.list() ?? [];
  }

  async #track(key: string, conn: Conn, name: string): Promise<void> {
    if (conn.state !== "open") {
      throw new DOMException(
        `Cannot track connection: it is ${conn.state}`,
        "InvalidStateError",
      );
    }
    let rooms = this.#conns.get(conn);
    if (rooms === undefined) {
      rooms = new Set();
      this.#conns.set(conn, rooms);
      conn.closed.then(() => this.#left(undefined, conn));
    }
    const { topicLimit } = this.#core.settings;
    const room = this.#room(key);
    if (!rooms.has(room) && rooms.size >= topicLimit) {
      this.#closeEmpty(room);
      throw new RangeError(
        `Cannot track connection: it has its ${topicLimit} topics`,
      );
    }
    rooms.add(room);
    room.enter(conn, name);
    try {
      await room.joined;
    } catch (error) {
      if (room.nameOf(conn) === name) this.#leave(room, conn);
      throw error;
    }
    this.#tellChanges(room);
  }

  #room(key: string): Room {
    const there = this.#rooms.get(key);
    if (there !== undefined) return there;
    const room = new Room(key, (room, data) => this.#hear(room, data));
    this.#rooms.set(key, room);
    const settings = { slow: "cut", backlog: 1 } as const;
    room.joined = this.#core.subscribe(key, room.listener, settings)
      .then(() => void this.#askAll(room));
    room.joined.catch((error) => {
      if (this.#rooms.get(key) !== room) return;
      this.#rooms.delete(key);
      if (this.#core.isUsed(key.slice(1))) this.#refused.add(key);
      // Else who tracks is told.
      if (room.isEmpty) this.#core.failed(error);
    });
    return room;
  }

  #closeEmpty(room: Room): void {
    if (!room.isEmpty || this.#core.isUsed(room.key.slice(1))) return;
    // What could not be told is told before; what is lost with the rest, the
    // others find when they ask.
    if (room.toTell && this.#rooms.size <= MAX_OWING) return;
    if (this.#rooms.get(room.key) !== room) return;
    this.#rooms.delete(room.key);
    this.#core.unsubscribe(room.key, room.listener);
  }

  #left(key: string | undefined, conn: Conn): void {
    const rooms = this.#conns.get(conn);
    if (rooms === undefined) return;
    for (const room of [...rooms]) {
      // The topic's own key has another mark.
      if (key === undefined || room.key.slice(1) === key.slice(1)) {
        this.#leave(room, conn);
      }
    }
    if (key === undefined) this.#conns.delete(conn);
  }

  async #leave(room: Room, conn: Conn): Promise<void> {
    room.leave(conn);
    this.#conns.get(conn)?.delete(room);
    await this.#tellChanges(room);
    this.#closeEmpty(room);
  }

  async #tellChanges(room: Room): Promise<void> {
    await Promise.all(
      room.takeChanges().map(([kind, name]) => this.#say(room, kind, name)),
    );
  }

  #forget(hub: string): void {
    this.#gone.add(hub);
    const [oldest] = this.#gone;
    if (this.#gone.size > MAX_GONE) this.#gone.delete(oldest!);
    for (const room of this.#rooms.values()) room.forget(hub);
  }

  // Some of what the others have said was lost.
  #ask(key: string): void {
    const room = this.#rooms.get(key);
    if (room === undefined) return;
    room.doubt();
    this.#askAll(room);
  }

  // A presence that has nobody there has left the room, and cannot answer.
  async #askAll(room: Room): Promise<void> {
    room.toAsk = !await this.#say(room, "?");
    if (!room.toAsk) room.patience = PATIENCE;
  }

  #beat(room: Room): void {
    if (room.toAsk) this.#askAll(room);
    else if (room.patience > 0 && --room.patience === 0) room.dropDoubtful();
    if (room.toTell) this.#tellAll(room);
  }

  #hear(room: Room, data: string | Uint8Array): void {
    const saying = readSaying(data);
    if (saying === undefined) return;
    const [, presence, kind] = saying;
    if (presence === this.#id) return;
    this.#core.meet(saying[0]);
    if (kind === "?") this.#tellSoon(room);
    else room.hear(saying);
  }

  // Once for all that ask in a turn.
  async #tellSoon(room: Room): Promise<void> {
    if (room.toTell) return;
    room.toTell = true;
    await nextTurn();
    if (room.toTell) this.#tellAll(room);
  }

  async #tellAll(room: Room): Promise<void> {
    room.toTell = false;
    await Promise.all(
      partsOf(room.takeAll()).map((names, i) =>
        this.#say(room, i === 0 ? "=" : "&", ...names)
      ),
    );
    this.#closeEmpty(room);
  }

  // Whether the broker has taken it.
  async #say(
    room: Room,
    kind: Saying[2],
    ...names: string[]
  ): Promise<boolean> {
    if (this.#core.settings.broker === undefined) return true;
    const saying: Saying = [this.#core.id, this.#id, kind, ...names];
    try {
      await this.#core.publish(room.key, JSON.stringify(saying), {});
      return true;
    } catch {
      // The next heartbeat tries again; who has missed it asks.
      if (kind !== "?") room.toTell = true;
      return false;
    }
  }
}

function checkName(name: unknown): void {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot track: a name of type ${typeof name}`);
  }
  if (name.length === 0 || name.length > MAX_NAME) {
    throw new RangeError(
      `Cannot track: a name of length ${name.length}, it must be 1 to ${MAX_NAME}`,
    );
  }
}
