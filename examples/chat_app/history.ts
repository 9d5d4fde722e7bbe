import type { ChatMessage } from "./protocol.ts";

/** The last messages of a room, oldest first. */
export class History {
  readonly #limit: number;
  readonly #messages: ChatMessage[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(message: ChatMessage): void {
    this.#messages.push(message);
    if (this.#messages.length > this.#limit) this.#messages.shift();
  }

  /** Forgets all: what comes next does not follow upon it. */
  clear(): void {
    this.#messages.length = 0;
  }

  /** The ids of all, oldest first. */
  get ids(): string[] {
    return this.#messages.map(({ id }) => id);
  }

  find(id: string): ChatMessage | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /**
   * What was said after the message `id`. One that is not remembered is older
   * than all, or of a room that has been forgotten, as a server's end does: then
   * all that there is, and a gap before it.
   */
  after(id: string): { messages: readonly ChatMessage[]; gap: boolean } {
    const index = this.#messages.findIndex((message) => message.id === id);
    return {
      messages: this.#messages.slice(index + 1),
      gap: id !== "" && index < 0,
    };
  }
}
