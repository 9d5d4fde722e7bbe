import { linkNodes } from "./links.js";
import { colour, makeAvatar } from "./people.js";

/**
 * @import { ChatMessage } from "../protocol.ts"
 * @typedef {{ id: string, text: string }} Unsent
 */

/** Messages of one person within as many milliseconds stand together. */
const TOGETHER = 5 * 60_000;
/** Entries that the page holds. */
const LIMIT = 500;
/** CSS pixels from the end at which the reader still counts as being there. */
const NEAR = 48;

const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

/** The messages: those that have been said, and below them those to be sent. */
export class MessageList {
  #scroller = byId("scroller");
  #said = byId("said");
  #unsent = byId("unsent");
  #jump = byId("jump");
  #onUnread;
  #own = "";
  /** The ids of what has been shown: nothing is shown twice. */
  #ids = /** @type {Set<string>} */ (new Set());
  /** @type {ChatMessage | undefined} */
  #last;
  #unread = 0;
  /** Whether the reader is at the end, and is to stay there. */
  #follows = true;
  #willScroll = false;
  /** Where the reader was before. */
  #top = 0;

  /** @param {(unread: number) => void} onUnread */
  constructor(onUnread) {
    this.#onUnread = onUnread;
    this.#scroller.addEventListener("scroll", () => this.#look());
    addEventListener("visibilitychange", () => this.#look());
    this.#jump.addEventListener("click", () => this.toEnd());
    // The keyboard of a phone comes and goes, the composer grows.
    new ResizeObserver(() => this.#stay()).observe(this.#scroller);
  }

  /** The id of the last message; empty without one. */
  get lastId() {
    return this.#last?.id ?? "";
  }

  /**
   * Shows what was said before this page was there, or while it was away.
   *
   * @param {readonly ChatMessage[]} messages
   * @param {{ own: string, gap: boolean }} how
   */
  resume(messages, { own, gap }) {
    const first = this.#last === undefined;
    this.#own = own;
    // Nobody wants to hear the whole of the past read out.
    byId("log").setAttribute("aria-busy", String(first));
    if (gap) this.showGap();
    for (const message of messages) {
      this.#add(message, first ? "old" : "new");
    }
    byId("log").setAttribute("aria-busy", "false");
    byId("nothing").hidden = false;
  }

  /** @param {ChatMessage} message */
  show(message) {
    this.#add(message, "fresh");
  }

  /** Shows that messages are missing between the last one and the next. */
  showGap() {
    this.#mark("Some messages are missing here");
    this.#stay();
  }

  /** @param {Unsent} message */
  showUnsent({ id, text }) {
    const item = document.createElement("li");
    item.id = `unsent-${id}`;
    item.className = "message own unsent";
    item.append(this.#bubble(text, "Not sent yet"));
    this.#unsent.append(item);
    this.toEnd();
  }

  /** Goes to the end, and stays there. */
  toEnd() {
    this.#follows = true;
    this.#stay();
  }

  /**
   * @param {ChatMessage} message
   * @param {"old" | "new" | "fresh"} age
   */
  #add(message, age) {
    document.getElementById(`unsent-${message.id}`)?.remove();
    if (this.#ids.has(message.id)) return;
    this.#ids.add(message.id);

    const own = message.name === this.#own;
    if (age !== "old" && !own) this.#countUnread();
    const day = dayFormat.format(message.time);
    if (this.#last === undefined || day !== dayFormat.format(this.#last.time)) {
      this.#mark(day);
    }
    const item = this.#item(message, own);
    if (age === "fresh" && !own) item.classList.add("fresh");
    this.#said.append(item);
    this.#last = message;
    this.#stay();
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} own
   */
  #item({ id, name, text, time }, own) {
    const item = document.createElement("li");
    item.dataset.id = id;
    item.className = own ? "message own" : "message";
    const before = this.#said.lastElementChild;
    const more = before?.classList.contains("message") &&
      this.#last?.name === name && time - this.#last.time < TOGETHER;
    if (before && more) {
      item.classList.add("more");
      before.classList.add("followed");
    }

    const author = document.createElement("p");
    author.className = "name";
    const bdi = document.createElement("bdi");
    bdi.textContent = name;
    author.append(bdi);
    colour(author, name);
    item.append(makeAvatar(name), author, this.#bubble(text, time));
    return item;
  }

  /**
   * @param {string} text
   * @param {number | string} when
   */
  #bubble(text, when) {
    const bubble = document.createElement("div");
    bubble.className = "bubble";
    const body = document.createElement("span");
    body.className = "text";
    body.append(...linkNodes(text));
    const time = document.createElement("time");
    time.className = "when";
    if (typeof when === "string") {
      time.textContent = when;
    } else {
      time.dateTime = new Date(when).toISOString();
      time.textContent = timeFormat.format(when);
    }
    bubble.append(body, time);
    return bubble;
  }

  /**
   * @param {string} text
   * @param {string} kind
   */
  #mark(text, kind = "") {
    const item = document.createElement("li");
    item.className = `mark ${kind}`;
    item.textContent = text;
    this.#said.append(item);
  }

  #countUnread() {
    if (this.#follows && !document.hidden) return;
    if (this.#unread === 0) {
      this.#said.querySelector(".new")?.remove();
      this.#mark("New", "new");
    }
    this.#unread++;
    this.#tell();
  }

  /** Notes where the reader is. */
  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    // The end may have moved on meanwhile; only who goes up has left it.
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.#follows = true;
    else if (scrollTop < this.#top) this.#follows = false;
    this.#top = scrollTop;
    if (this.#follows && !document.hidden) this.#unread = 0;
    this.#tell();
  }

  #tell() {
    this.#jump.hidden = this.#follows;
    this.#jump.textContent = this.#unread === 0
      ? "↓ Newest"
      : `↓ ${this.#unread} new`;
    this.#onUnread(this.#unread);
  }

  /** Keeps the end in view, once for all that comes in one frame. */
  #stay() {
    if (!this.#follows || this.#willScroll) return;
    this.#willScroll = true;
    requestAnimationFrame(() => {
      this.#willScroll = false;
      if (!this.#follows) return;
      this.#forget();
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
    });
  }

  /** Keeps the page small, however long it is open. */
  #forget() {
    for (const item of [...this.#said.children].slice(0, -LIMIT)) {
      item.remove();
      this.#ids.delete(/** @type {HTMLElement} */ (item).dataset.id ?? "");
    }
  }
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
