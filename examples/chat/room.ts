import { CloseCode, MessageType, PreparedMessage } from "../../mod.ts";
import { History } from "./history.ts";
import type { Limits } from "./limits.ts";
import type { Member } from "./member.ts";
import {
  ChatClose,
  type ChatEvent,
  type ChatMessage,
  foldName,
  Refusal,
  type Say,
} from "./protocol.ts";

/** Writes down what is said, before anybody hears it. */
export type WriteDown = (message: ChatMessage) => void;

/** The people who hear each other, and what they have said. */
export class Room {
  readonly name: string;
  readonly history: History;
  readonly #members: Map<string, Member> = new Map();
  readonly #limits: Limits;
  readonly #writeDown: WriteDown;

  constructor(name: string, limits: Limits, writeDown: WriteDown) {
    this.name = name;
    this.history = new History(limits.history);
    this.#limits = limits;
    this.#writeDown = writeDown;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /**
   * Lets a person in, who has heard everything up to the message `after`.
   *
   * @throws {Refusal} If the name is somebody else's, or the room is full
   */
  enter(member: Member, after: string): void {
    const name = foldName(member.name);
    const former = this.#members.get(name);
    if (former !== undefined && former.key !== member.key) {
      throw new Refusal(ChatClose.NameTaken, "The name is taken");
    }
    if (former === undefined && this.#members.size >= this.#limits.people) {
      throw new Refusal(CloseCode.TryAgainLater, "The room is full");
    }
    if (former === undefined) {
      this.#broadcast({ type: "joined", name: member.name });
    } else {
      // The page is back before its old connection was found to be gone, or is
      // open twice. Nobody else notices.
      former.close(ChatClose.Replaced, "Joined again elsewhere");
    }
    this.#members.set(name, member);
    member.send({
      type: "welcome",
      room: this.name,
      name: member.name,
      people: Array.from(this.#members.values(), ({ name }) => name),
      ...this.history.after(after),
    });
  }

  leave(member: Member): void {
    const name = foldName(member.name);
    if (this.#members.get(name) !== member) return;
    this.#members.delete(name);
    this.#broadcast({ type: "left", name: member.name });
  }

  say(member: Member, { id, text }: Say): void {
    const known = this.history.find(id);
    if (known !== undefined) {
      // Sent again, because the page was cut off before it could know.
      member.send({ type: "said", message: known });
      return;
    }
    const message = { id, name: member.name, text, time: Date.now() };
    this.#writeDown(message);
    this.history.add(message);
    this.#broadcast({ type: "said", message });
  }

  /** Tells everybody, encoded once. */
  #broadcast(event: ChatEvent): void {
    const message = new PreparedMessage(
      MessageType.Text,
      JSON.stringify(event),
    );
    for (const member of this.#members.values()) member.sendPrepared(message);
  }
}
