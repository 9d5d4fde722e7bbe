/** The form at the door: who comes in, and where to. */
export class Door {
  #door = /** @type {HTMLElement} */ (document.getElementById("door"));
  #form = /** @type {HTMLFormElement} */ (document.getElementById("join"));
  #name = /** @type {HTMLInputElement} */ (document.getElementById("name"));
  #room = /** @type {HTMLInputElement} */ (document.getElementById("room"));
  #error = /** @type {HTMLElement} */ (document.getElementById("door-error"));

  /** @param {(name: string, room: string) => void} onJoin */
  constructor(onJoin) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      const room = this.#room.value.trim().toLowerCase();
      if (name !== "" && room !== "") onJoin(name, room);
    });
  }

  /**
   * @param {string} name
   * @param {string} room
   * @param {string} error
   */
  open(name, room, error = "") {
    this.#door.hidden = false;
    this.#name.value = name;
    this.#room.value = room;
    this.#error.textContent = error;
    this.#name.focus();
    this.#name.select();
  }

  close() {
    this.#door.hidden = true;
  }
}
