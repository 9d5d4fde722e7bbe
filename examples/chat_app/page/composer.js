import { keepInTab, recall } from "./memory.js";

/** Characters left at which their number is shown. */
const FEW = 200;

/** Where a message is written. What is written is kept until it is sent. */
export class Composer {
  #form = /** @type {HTMLFormElement} */ (document.getElementById("composer"));
  #text = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
  #left = /** @type {HTMLElement} */ (document.getElementById("left"));
  #send = /** @type {HTMLButtonElement} */ (document.getElementById("send"));
  /** On a phone, Enter is the only way to a new line, and Send is at hand. */
  #touch = matchMedia("(pointer: coarse)");
  #draft;
  #onSend;

  /**
   * @param {string} room
   * @param {(text: string) => boolean} onSend takes a text, or does not
   */
  constructor(room, onSend) {
    this.#draft = `draft.${room}`;
    this.#onSend = onSend;
    this.#text.value = recall(this.#draft);
    this.#text.addEventListener("input", () => this.#change());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#touch.addEventListener("change", () => this.#hint());
    this.#hint();
    // What is hidden has no height to fit, and a phone is turned. What is watched
    // does not itself grow with what is written.
    const around = /** @type {HTMLElement} */ (this.#form.parentElement);
    new ResizeObserver(() => this.#fit()).observe(around);
    this.#change();
  }

  focus() {
    this.#text.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const breaks = event.shiftKey || event.isComposing || this.#touch.matches;
    if (event.key !== "Enter" || breaks) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const text = this.#text.value.trim();
    if (text === "" || !this.#onSend(text)) return;
    this.#text.value = "";
    this.#change();
    this.focus();
  }

  /** Says on the key of a phone's keyboard what it does. */
  #hint() {
    this.#text.enterKeyHint = this.#touch.matches ? "enter" : "send";
  }

  /** Makes everything fit what is written. */
  #change() {
    const { value, maxLength } = this.#text;
    keepInTab(this.#draft, value);
    this.#fit();
    const left = maxLength - value.length;
    this.#left.textContent = left < FEW ? `${left} left` : "";
    this.#send.disabled = value.trim() === "";
  }

  #fit() {
    const { style } = this.#text;
    style.height = "auto";
    style.height = `${this.#text.scrollHeight + 2}px`;
  }
}
