import { createHash } from "node:crypto";

import { CloseCode } from "../../mod.ts";
import { History } from "./history.ts";
import type { Member } from "./member.ts";
import {
  ChatClose,
  type ChatEvent,
  type ChatMessage,
  foldName,
  Refusal,
  type Say,
} from "./protocol.ts";
import type { House } from "./rooms.ts";

// What processes tell each other, in place of the page.
interface Replaced {
  readonly label: string;
  readonly by: string;
}

/**
 * The people who hear each other, and what they have said: a topic of the hub,
 * which may reach over several processes.
 */
export class Room {
  readonly name: string;
  readonly topic: string;
  readonly history: History;
  readonly #house: House;
  /** Those of this process. */
  readonly #members: Map<string, Member> = new Map();
  /** Who is here, as everybody was told. */
  #told: Set<string> = new Set();
  /** What is being written down and has not been heard, by its id. */
  readonly #saying: Map<string, Promise<void>> = new Map();
  /** What had been heard before a gap that is not mended yet. */
  #before: Set<string> | undefined;
  #gaps = 0;
  #reading = 0;
  #entering = 0;
  #opened: Promise<void> | undefined;

  constructor(name: string, house: House) {
    this.name = name;
    this.topic = `room ${name}`;
    this.history = new History(house.limits.history);
    this.#house = house;
  }

  /** Whether nobody of this process is in it, or about to be. */
  get isEmpty(): boolean {
    return this.#members.size === 0 && this.#entering === 0;
  }

  /**
   * Lets a person in, who has heard everything up to the message `after`.
   *
   * @throws {Refusal} If the name is somebody else's, or the room is full
   */
  async enter(member: Member, after: string): Promise<void> {
    this.#entering++;
    try {
      await (this.#opened ??= this.#open());
    } catch (error) {
      this.#opened = undefined;
      throw error;
    } finally {
      this.#entering--;
    }
    const { hub, presence, limits } = this.#house;
    const name = foldName(member.name);
    const label = labelOf(member);
    const labels = presence.list(this.topic);
    const same = labels.find((other) => foldName(nameOf(other)) === name);
    if (same !== undefined && digestOf(same) !== digestOf(label)) {
      throw new Refusal(ChatClose.NameTaken, "The name is taken");
    }
    if (same === undefined && labels.length >= limits.people) {
      throw new Refusal(CloseCode.TryAgainLater, "The room is full");
    }
    const former = this.#members.get(name);
    this.#members.set(name, member);
    presence.track(this.topic, member.conn, label);
    if (former !== undefined) this.#replace(former);
    else if (same !== undefined) this.#replaceElsewhere(same);
    member.send({
      type: "welcome",
      room: this.name,
      name: member.name,
      people: [...new Set([...this.#told, member.name])],
      ...this.history.after(after),
    });
    // Who would hear nothing comes back later.
    hub.subscribe(this.topic, member.conn).catch(() => {
      member.conn.close(CloseCode.TryAgainLater, "Cannot be heard now");
    });
    this.look();
  }

  leave(member: Member): void {
    const { hub } = this.#house;
    hub.unsubscribe(this.topic, member.conn);
    const name = foldName(member.name);
    if (this.#members.get(name) === member) this.#members.delete(name);
    this.look();
  }

  /**
   * Says something to the room.
   *
   * @throws {Refusal} If too much is being written down
   */
  async say(member: Member, { id, text }: Say): Promise<void> {
    const saying = this.#saying.get(id);
    if (saying !== undefined) await saying;
    const known = this.history.find(id);
    if (known !== undefined) {
      // Sent again, because the page was cut off before it could know.
      member.send({ type: "said", message: known });
      return;
    }
    // It is on its way to this process, and to the page.
    if (saying !== undefined) return;
    // A page has one under way, but may leave it there and come again.
    if (this.#saying.size >= this.#house.limits.people) {
      throw new Refusal(CloseCode.TryAgainLater, "Cannot be written down now");
    }
    const message = { id, name: member.name, text, time: Date.now() };
    const said = this.#say(message);
    this.#saying.set(id, said);
    await said;
  }

  async #say(message: ChatMessage): Promise<void> {
    try {
      await this.#house.writeDown(this.name, message);
      await this.#tell({ type: "said", message });
    } catch (error) {
      this.#saying.delete(message.id);
      throw error;
    }
  }

  /** Tells this process's people who has come and who has gone, wherever. */
  look(): void {
    if (this.#members.size === 0) return this.#told.clear();
    const now = new Set(
      this.#house.presence.list(this.topic).map(nameOf),
    );
    for (const name of now.difference(this.#told)) {
      // Who has just come has got a welcome.
      const except = this.#members.get(foldName(name))?.conn;
      this.#tell({ type: "joined", name }, { except, local: true });
    }
    for (const name of this.#told.difference(now)) {
      this.#tell({ type: "left", name }, { local: true });
    }
    this.#told = now;
  }

  /** Whether what was missed could not be read, and is to be tried again. */
  get isTorn(): boolean {
    return this.#before !== undefined && this.#reading === 0;
  }

  /**
   * Reads again what was said, and tells what was missed; where that is more than
   * is remembered, a gap before it.
   */
  async mend(): Promise<void> {
    const { journal, limits } = this.#house;
    if (journal === undefined) return;
    this.#before ??= new Set(this.history.ids);
    const gap = ++this.#gaps;
    this.#reading++;
    let messages: ChatMessage[];
    try {
      messages = await journal.read(this.name);
    } finally {
      this.#reading--;
    }
    const before = this.#before ?? new Set(this.history.ids);
    const last = messages.slice(-limits.history);
    const heard = new Set(this.history.ids);
    // Something was said before the last, and neither it nor the first of them
    // had been heard: nor had what lies before.
    const oldest = messages.length > last.length ? messages.slice(0, 2) : [];
    if (oldest.length > 0 && !oldest.some(({ id }) => before.has(id))) {
      this.history.clear();
      this.#tell({ type: "gap" }, { local: true });
    }
    for (const message of last) {
      if (this.history.find(message.id) !== undefined) continue;
      if (heard.has(message.id)) this.history.add(message);
      else this.#tell({ type: "said", message }, { local: true });
    }
    // What was missed later is read by a later one.
    this.#before = gap < this.#gaps ? new Set(this.history.ids) : undefined;
  }

  close(): void {
    const { hub } = this.#house;
    hub.unsubscribe(this.topic, this.#hear);
    hub.unsubscribe(this.#doors, this.#hearDoors);
  }

  get #doors(): string {
    return `doors ${this.name}`;
  }

  async #open(): Promise<void> {
    const { hub } = this.#house;
    await hub.subscribe(this.topic, this.#hear);
    await hub.subscribe(this.#doors, this.#hearDoors);
    // What is said meanwhile is heard, and is not read twice.
    await this.mend();
  }

  readonly #hear = (data: string | Uint8Array): void => {
    const event: ChatEvent = JSON.parse(String(data));
    if (event.type !== "said") return;
    const { message } = event;
    this.#saying.delete(message.id);
    if (this.history.find(message.id) === undefined) this.history.add(message);
  };

  readonly #hearDoors = (data: string | Uint8Array): void => {
    const { label, by }: Replaced = JSON.parse(String(data));
    if (by === this.#house.id) return;
    const member = this.#members.get(foldName(nameOf(label)));
    if (member === undefined || labelOf(member) !== label) return;
    this.#members.delete(foldName(member.name));
    this.#replace(member);
  };

  // The page is back before its old connection was found to be gone, or is open
  // twice. Nobody else notices.
  #replace(former: Member): void {
    this.#house.hub.unsubscribe(this.topic, former.conn);
    former.close(ChatClose.Replaced, "Joined again elsewhere");
  }

  #replaceElsewhere(label: string): void {
    const replaced: Replaced = { label, by: this.#house.id };
    this.#house.hub.publish(this.#doors, JSON.stringify(replaced));
  }

  #tell(
    event: ChatEvent,
    options: { except?: Member["conn"] | undefined; local?: boolean } = {},
  ): Promise<void> {
    const { except, local = false } = options;
    return this.#house.hub.publish(this.topic, JSON.stringify(event), {
      local,
      ...except && { except },
    });
  }
}

// What presence knows a person by: what the page's secret comes to, so that any
// process lets it take its place again, and its name.
function labelOf({ name, key }: Member): string {
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 32);
  return `${digest} ${name}`;
}

function digestOf(label: string): string {
  return label.slice(0, 32);
}

function nameOf(label: string): string {
  return label.slice(33);
}
