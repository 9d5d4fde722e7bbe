import { CloseCode } from "../../mod.ts";
import { type Hub, Presence } from "../../src/pubsub/mod.ts";
import type { Limits } from "./limits.ts";
import { type ChatMessage, Refusal } from "./protocol.ts";
import { Room } from "./room.ts";

/** What was said in a room, for all processes of the chat. */
export interface SharedJournal {
  /**
   * The last messages, oldest first: one more than a room remembers, where there
   * are as many, so that it is known whether there are more.
   */
  read(room: string): Promise<ChatMessage[]>;
  /** Fulfils once the message is written down. */
  append(room: string, message: ChatMessage): Promise<void>;
}

/** What all rooms stand on. */
export interface House {
  /** Of this process. */
  readonly id: string;
  readonly hub: Hub;
  readonly presence: Presence;
  readonly limits: Limits;
  /** What is read when a room is opened, and again after a gap. */
  readonly journal: SharedJournal | undefined;
  /** Writes down what is said, before anybody hears it. */
  writeDown(room: string, message: ChatMessage): void | Promise<void>;
}

// How soon people who came or went elsewhere are noticed.
const LOOK_EVERY = 500;

/** All rooms, by name. They come to be when they are asked for. */
export class Rooms {
  readonly #house: House;
  /** Those that were not asked for the longest stand first. */
  readonly #rooms: Map<string, Room> = new Map();
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  constructor(house: Omit<House, "id" | "presence">) {
    const presence = new Presence(house.hub);
    this.#house = { ...house, id: crypto.randomUUID(), presence };
    // Alone, a room knows of everybody.
    if (house.journal === undefined) return;
    this.#timer = setInterval(() => {
      for (const room of this.#rooms.values()) {
        room.look();
        // That it could not be read was told when it failed first.
        if (room.isTorn) room.mend().catch(() => {});
      }
    }, LOOK_EVERY);
  }

  /**
   * The room of a name.
   *
   * @throws {Refusal} If there are too many, and somebody is in each
   */
  room(name: string): Room {
    const room = this.#rooms.get(name) ?? this.#open(name);
    this.#rooms.delete(name);
    this.#rooms.set(name, room);
    return room;
  }

  /** Reads again what may have been missed, if somebody is there to hear it. */
  async mend(topic: string): Promise<void> {
    for (const room of this.#rooms.values()) {
      if (room.topic === topic) await room.mend();
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #open(name: string): Room {
    const { rooms } = this.#house.limits;
    if (this.#rooms.size >= rooms) this.#forgetOne();
    return new Room(name, this.#house);
  }

  #forgetOne(): void {
    for (const [name, room] of this.#rooms) {
      if (room.isEmpty) {
        room.close();
        this.#rooms.delete(name);
        return;
      }
    }
    throw new Refusal(CloseCode.TryAgainLater, "Too many rooms");
  }
}
