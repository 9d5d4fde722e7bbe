import { keepInTab, recall } from "./memory.js";

/** Characters left at which their number is shown. */
const FEW = 200;

/** Where a message is written. What is written is kept until it is sent. */
export class Composer {
  #form = /** @type {HTMLFormElement} */ (document.getElementById("composer"));
  #text = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
  #left = /** @type {HTMLElement} */ (document.getElementById("left"));
  #send = /** @type {HTMLButtonElement} */ (document.getElementById("send"));
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
    this.#text.addEventListener("input", () => this.#fit());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#fit();
  }

  focus() {
    this.#text.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // On a phone, Enter is the only way to a new line, and Send is at hand.
    const breaks = event.shiftKey || event.isComposing ||
      matchMedia("(pointer: coarse)").matches;
    if (event.key !== "Enter" || breaks) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const text = this.#text.value.trim();
    if (text === "" || !this.#onSend(text)) return;
    this.#text.value = "";
    this.#fit();
    this.focus();
  }

  /** Makes everything fit what is written. */
  #fit() {
    const { value, maxLength, style } = this.#text;
    keepInTab(this.#draft, value);
    style.height = "auto";
    style.height = `${this.#text.scrollHeight + 2}px`;
    const left = maxLength - value.length;
    this.#left.textContent = left < FEW ? `${left} left` : "";
    this.#send.disabled = value.trim() === "";
  }
}
