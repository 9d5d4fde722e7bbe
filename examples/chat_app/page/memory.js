/**
 * What is remembered: in the tab over a reload, in the browser for the next
 * visit. A browser that forbids it makes the page forgetful, not broken.
 */

/**
 * @param {string} name
 * @returns {string}
 */
export function recall(name) {
  return get("sessionStorage", name) ?? get("localStorage", name) ?? "";
}

/**
 * Keeps a value in the tab; an empty one is forgotten.
 *
 * @param {string} name
 * @param {string} value
 */
export function keepInTab(name, value) {
  put("sessionStorage", name, value);
}

/**
 * Keeps a value in the browser.
 *
 * @param {string} name
 * @param {string} value
 */
export function keepInBrowser(name, value) {
  put("localStorage", name, value);
}

/**
 * A name that nobody else has. (`crypto.randomUUID()` is there on secure pages
 * only, not on one from another machine of the house.)
 *
 * @returns {string}
 */
export function makeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/**
 * @param {"sessionStorage" | "localStorage"} storage
 * @param {string} name
 */
function get(storage, name) {
  try {
    return globalThis[storage].getItem(`chat.${name}`);
  } catch {
    return null;
  }
}

/**
 * @param {"sessionStorage" | "localStorage"} storage
 * @param {string} name
 * @param {string} value
 */
function put(storage, name, value) {
  try {
    if (value === "") globalThis[storage].removeItem(`chat.${name}`);
    else globalThis[storage].setItem(`chat.${name}`, value);
  } catch {
    // Full, or forbidden.
  }
}
