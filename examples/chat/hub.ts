import { CloseCode } from "../../mod.ts";
import type { Journal } from "./journal.ts";
import type { Limits } from "./limits.ts";
import { Refusal } from "./protocol.ts";
import { Room } from "./room.ts";

/** All rooms, by name. They come to be when they are asked for. */
export class Hub {
  readonly #limits: Limits;
  readonly #journal: Journal | undefined;
  /** Those that were not asked for the longest stand first. */
  readonly #rooms: Map<string, Room> = new Map();

  constructor(limits: Limits, journal?: Journal) {
    this.#limits = limits;
    this.#journal = journal;
    for (const { room, message } of journal?.read() ?? []) {
      this.room(room).history.add(message);
    }
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

  #open(name: string): Room {
    if (this.#rooms.size >= this.#limits.rooms) this.#forgetOne();
    return new Room(name, this.#limits, (message) => {
      this.#journal?.append({ room: name, message });
    });
  }

  #forgetOne(): void {
    for (const [name, room] of this.#rooms) {
      if (room.isEmpty) {
        this.#rooms.delete(name);
        return;
      }
    }
    throw new Refusal(CloseCode.TryAgainLater, "Too many rooms");
  }
}
