import { keepInTab, makeId, recall } from "./memory.js";

/** Messages that may wait. The server takes as many in a row. */
const LIMIT = 50;

/**
 * What has been written and not yet come back from the server. It is kept over
 * a reload and sent again over each new connection; its ids tell the server
 * what it has already.
 */
export class Outbox {
  #key;
  /** @type {{ id: string, text: string }[]} */
  #messages;

  /** @param {string} room */
  constructor(room) {
    this.#key = `outbox.${room}`;
    this.#messages = JSON.parse(recall(this.#key) || "[]");
  }

  get isEmpty() {
    return this.#messages.length === 0;
  }

  get isFull() {
    return this.#messages.length >= LIMIT;
  }

  [Symbol.iterator]() {
    return this.#messages.values();
  }

  /** @param {string} text */
  add(text) {
    const message = { id: makeId(), text };
    this.#messages.push(message);
    this.#keep();
    return message;
  }

  /** @param {string} id */
  remove(id) {
    this.#messages = this.#messages.filter((message) => message.id !== id);
    this.#keep();
  }

  #keep() {
    keepInTab(this.#key, JSON.stringify(this.#messages));
  }
}
