import { appendFileSync, readFileSync } from "node:fs";

import type { ChatMessage } from "./protocol.ts";

/** What is written down of a message. */
export interface Entry {
  readonly room: string;
  readonly message: ChatMessage;
}

/** What was said in all rooms, in a file: one message a line, as JSON. */
export class Journal {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** All that is written down; the file is made if there is none. */
  read(): Entry[] {
    const entries: Entry[] = [];
    // As for writing, which must not fail only when somebody has spoken.
    const text = readFileSync(this.#path, { encoding: "utf8", flag: "a+" });
    for (const line of text.split("\n")) {
      try {
        if (line !== "") entries.push(JSON.parse(line));
      } catch {
        // A crash has torn it: nobody has heard it.
      }
    }
    return entries;
  }

  /**
   * Writes a message down. It does not return before: nobody is to hear what a
   * restart would take back.
   */
  append(entry: Entry): void {
    // The line break stands first, so that a torn line spoils no other.
    appendFileSync(this.#path, `\n${JSON.stringify(entry)}`);
  }
}
