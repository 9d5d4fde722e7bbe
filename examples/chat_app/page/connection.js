import { backoff } from "./backoff.js";

/** Milliseconds that a connection may take, until the server's welcome. */
const CONNECT_LIMIT = 15_000;
/** Milliseconds of silence after which the server is asked whether it is there. */
const QUIET = 25_000;
/** Milliseconds that the answer may take. */
const ANSWER_LIMIT = 10_000;
/** A connection that has lasted as long is no failed attempt. */
const STEADY = 5_000;
/**
 * Close codes after which to try again would end the same way, beside all those
 * of our own. 1008 is none: it also cuts a page that has read too slowly.
 */
const FINAL = [1002, 1003, 1007, 1009, 1010];

/**
 * @import { ChatEvent, Command, Join } from "../protocol.ts"
 *
 * @typedef {{ name: "connecting" }
 *   | { name: "open" }
 *   | { name: "waiting", until: number }
 *   | { name: "ended", code: number, reason: string }} State
 */

/** A connection to the server that comes back by itself. */
export class Connection {
  #url;
  #makeJoin;
  #onEvent;
  #onState;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {State["name"]} */
  #state = "connecting";
  #failed = 0;
  #openSince = 0;
  /** What is to happen if nothing else does: there is always one thing. */
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {URL} url
   * @param {{
   *   join: () => Join,
   *   onEvent: (event: ChatEvent) => void,
   *   onState: (state: State) => void,
   * }} page
   */
  constructor(url, { join, onEvent, onState }) {
    this.#url = url;
    this.#makeJoin = join;
    this.#onEvent = onEvent;
    this.#onState = onState;
    addEventListener("online", () => this.check());
    addEventListener("visibilitychange", () => this.check());
  }

  /** Connects, at once. */
  connect() {
    this.#drop();
    this.#set({ name: "connecting" });
    const socket = new WebSocket(this.#url);
    socket.onopen = () => socket.send(JSON.stringify(this.#makeJoin()));
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code, reason }) => this.#lose(code, reason);
    this.#socket = socket;
    this.#after(CONNECT_LIMIT, () => this.#lose());
  }

  /**
   * Sends a command if there is a connection.
   *
   * @param {Command} command
   */
  send(command) {
    if (this.#state === "open") this.#socket?.send(JSON.stringify(command));
  }

  /** Does now what would be done later, as things may have changed. */
  check() {
    if (document.hidden) return;
    if (this.#state === "waiting") this.connect();
    if (this.#state === "open") this.#ask();
  }

  /** @param {ChatEvent} event */
  #receive(event) {
    this.#after(QUIET, () => this.#ask());
    if (event.type === "welcome") {
      this.#openSince = Date.now();
      this.#set({ name: "open" });
    }
    this.#onEvent(event);
  }

  /** A connection may be long gone before the browser notices. */
  #ask() {
    this.send({ type: "ping" });
    this.#after(ANSWER_LIMIT, () => this.#lose());
  }

  #lose(code = 1006, reason = "") {
    const steady = this.#state === "open" &&
      Date.now() - this.#openSince >= STEADY;
    this.#drop();
    if (code >= 4000 || FINAL.includes(code)) {
      this.#set({ name: "ended", code, reason });
      return;
    }
    const wait = backoff(steady ? 0 : this.#failed);
    this.#failed = steady ? 1 : this.#failed + 1;
    this.#after(wait, () => this.connect());
    this.#set({ name: "waiting", until: Date.now() + wait });
  }

  /** Turns away from the socket: it may take a minute to close. */
  #drop() {
    clearTimeout(this.#timer);
    if (this.#socket === undefined) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = undefined;
  }

  /** @param {State} state */
  #set(state) {
    this.#state = state.name;
    this.#onState(state);
  }

  /**
   * @param {number} milliseconds
   * @param {() => void} act
   */
  #after(milliseconds, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, milliseconds);
  }
}
