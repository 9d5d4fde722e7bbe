/** @import { State } from "./connection.js" */

/** Why a connection has ended for good, by close code. */
const ENDS = /** @type {Record<number, [text: string, button: string]>} */ ({
  4001: ["The chat goes on in another tab or window.", "Use it here"],
});

/** Says how the connection is, and what can be done. */
export class Status {
  #state = byId("state");
  #banner = byId("banner");
  #text = byId("banner-text");
  #retry = byId("retry");
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {() => void} onRetry */
  constructor(onRetry) {
    this.#retry.addEventListener("click", onRetry);
  }

  /** @param {State | { name: "slow" }} state */
  show(state) {
    clearInterval(this.#timer);
    this.#state.dataset.state = state.name;
    if (state.name === "waiting") {
      this.#state.textContent = "Offline";
      this.#countDown(state.until);
      this.#timer = setInterval(() => this.#countDown(state.until), 1_000);
    } else if (state.name === "ended") {
      this.#state.textContent = "Disconnected";
      const { code, reason } = state;
      this.#tell(
        ...ENDS[code] ??
          [`The server has ended this: ${reason || code}.`, "Try again"],
      );
    } else if (state.name === "open") {
      this.#state.textContent = "Connected";
      this.#banner.hidden = true;
    } else if (state.name === "slow") {
      this.#state.textContent = "Slowed down";
      this.#tell(
        "You write faster than the chat allows. The rest will follow.",
      );
    } else {
      this.#state.textContent = "Connecting";
    }
  }

  /** @param {number} until */
  #countDown(until) {
    const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1_000));
    this.#tell(`No connection. Next try in ${seconds}\u00a0s.`, "Try now");
  }

  /**
   * @param {string} text
   * @param {string} [button] Without it, there is nothing to be done
   */
  #tell(text, button = "") {
    this.#text.textContent = text;
    this.#retry.textContent = button;
    this.#retry.hidden = button === "";
    this.#banner.hidden = false;
  }
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
