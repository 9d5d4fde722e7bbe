/** The list of who is here. */
export class People {
  #list = /** @type {HTMLElement} */ (document.getElementById("names"));
  #count = /** @type {HTMLElement} */ (document.getElementById("count"));
  #button = /** @type {HTMLElement} */ (document.getElementById("show-people"));
  #panel = /** @type {HTMLElement} */ (document.getElementById("people"));
  /** @type {Set<string>} */
  #names = new Set();
  #own = "";

  constructor() {
    this.#button.addEventListener("click", () => this.#open(!this.#isOpen));
    addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && this.#isOpen) {
        this.#open(false);
        this.#button.focus();
      }
    });
    addEventListener("pointerdown", ({ target }) => {
      const inside = target instanceof Node &&
        (this.#panel.contains(target) || this.#button.contains(target));
      if (!inside) this.#open(false);
    });
  }

  /**
   * @param {readonly string[]} names
   * @param {string} own
   */
  set(names, own) {
    this.#names = new Set(names);
    this.#own = own;
    this.#show();
  }

  /** @param {string} name */
  add(name) {
    this.#names.add(name);
    this.#show();
  }

  /** @param {string} name */
  remove(name) {
    this.#names.delete(name);
    this.#show();
  }

  get #isOpen() {
    return this.#button.getAttribute("aria-expanded") === "true";
  }

  /** @param {boolean} open */
  #open(open) {
    this.#button.setAttribute("aria-expanded", String(open));
  }

  #show() {
    const names = [...this.#names].sort((a, b) =>
      Number(b === this.#own) - Number(a === this.#own) || a.localeCompare(b)
    );
    this.#list.replaceChildren(...names.map((name) => this.#item(name)));
    const { size } = this.#names;
    this.#count.textContent = size === 1 ? "1 person" : `${size} people`;
  }

  /** @param {string} name */
  #item(name) {
    const item = document.createElement("li");
    const text = document.createElement("bdi");
    text.textContent = name;
    item.append(makeAvatar(name), text);
    if (name === this.#own) {
      const you = document.createElement("span");
      you.className = "you";
      you.textContent = "you";
      item.append(you);
    }
    return item;
  }
}

/**
 * A disc with the first letter of a name.
 *
 * @param {string} name
 */
export function makeAvatar(name) {
  const avatar = document.createElement("span");
  avatar.className = "avatar";
  avatar.setAttribute("aria-hidden", "true");
  avatar.textContent = [...name][0]?.toUpperCase() ?? "";
  colour(avatar, name);
  return avatar;
}

/**
 * Gives an element the hue of a name.
 *
 * @param {HTMLElement} element
 * @param {string} name
 */
export function colour(element, name) {
  let sum = 0;
  for (let i = 0; i < name.length; i++) {
    sum = (sum * 31 + name.charCodeAt(i)) % 2 ** 20;
  }
  // The golden angle: names that are alike get hues that are not.
  element.style.setProperty("--hue", String(sum * 137 % 360));
}
