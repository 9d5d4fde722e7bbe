import type { Conn } from "../conn/conn.ts";
import type { Saying } from "./sayings.ts";

/** Who is in a topic: of our own connections, and of those of other presences. */
export class Room {
  /** Of the topic on which presences talk about it. */
  readonly key: string;
  readonly listener: (data: string | Uint8Array) => void;
  /** Fulfils once what the others say is heard. */
  joined: Promise<void> = Promise.resolve();
  /** Whether all of our names are to be told. */
  toTell = false;
  /** Whether the others are to be asked for all of theirs. */
  toAsk = false;
  /** Heartbeats until those who have not answered are no more; 0: not asked. */
  patience = 0;
  readonly #doubtful: Set<string> = new Set(); // of the others
  readonly #own: Map<Conn, string> = new Map();
  readonly #names: Map<string, number> = new Map(); // how many have it
  readonly #others: Map<string, Set<string>> = new Map(); // by hub and presence
  #told: Set<string> = new Set(); // of our names
  readonly #changed: Set<string> = new Set(); // since

  constructor(
    key: string,
    listener: (room: Room, data: string | Uint8Array) => void,
  ) {
    this.key = key;
    this.listener = (data) => listener(this, data);
  }

  /** Whether none of our connections is in it. */
  get isEmpty(): boolean {
    return this.#own.size === 0;
  }

  nameOf(conn: Conn): string | undefined {
    return this.#own.get(conn);
  }

  enter(conn: Conn, name: string): void {
    this.leave(conn);
    this.#own.set(conn, name);
    this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    this.#changed.add(name);
  }

  leave(conn: Conn): void {
    const name = this.#own.get(conn);
    if (name === undefined) return;
    this.#own.delete(conn);
    const count = this.#names.get(name)! - 1;
    if (count > 0) this.#names.set(name, count);
    else this.#names.delete(name);
    this.#changed.add(name);
  }

  /** The names that have come and those that have gone since the others were told. */
  takeChanges(): [kind: "+" | "-", name: string][] {
    const changes: [kind: "+" | "-", name: string][] = [];
    for (const name of this.#changed) {
      const isThere = this.#names.has(name);
      if (isThere && !this.#told.has(name)) {
        this.#told.add(name);
        changes.push(["+", name]);
      } else if (!isThere && this.#told.delete(name)) {
        changes.push(["-", name]);
      }
    }
    this.#changed.clear();
    return changes;
  }

  /** All of our names, which the others are told. */
  takeAll(): Iterable<string> {
    this.#changed.clear();
    this.#told = new Set(this.#names.keys());
    return this.#told;
  }

  /** Another presence has said something. */
  hear([hub, presence, kind, ...names]: Saying): void {
    const who = `${hub}/${presence}`;
    let others = this.#others.get(who);
    if (kind === "=") this.#doubtful.delete(who);
    if (others === undefined || kind === "=") {
      others = new Set();
      this.#others.set(who, others);
    }
    for (const name of names) {
      if (kind === "-") others.delete(name);
      else others.add(name);
    }
    if (others.size === 0) this.#others.delete(who);
  }

  /** Something that the others have said was lost: they are asked. */
  doubt(): void {
    for (const who of this.#others.keys()) this.#doubtful.add(who);
  }

  /** Who was asked, and has not answered, has nobody here any more. */
  dropDoubtful(): void {
    for (const who of this.#doubtful) this.#others.delete(who);
    this.#doubtful.clear();
  }

  /** The presences of a hub are no more. */
  forget(hub: string): void {
    for (const who of this.#others.keys()) {
      if (who.startsWith(`${hub}/`)) this.#others.delete(who);
    }
  }

  /** All names, each once, sorted. */
  list(): string[] {
    const names = new Set<string>();
    for (const [conn, name] of this.#own) {
      if (conn.state === "open") names.add(name);
    }
    for (const others of this.#others.values()) {
      for (const name of others) names.add(name);
    }
    return [...names].sort();
  }
}
