/**
 * A web address: up to white space, what quotes it in a sentence, and marks that
 * would turn the direction in which it is shown.
 */
const ADDRESS =
  /\bhttps?:\/\/[^\s<>"“”«»\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
/** What ends a sentence rather than an address. */
const ENDS = ".,;:!?'’…*_~";
const BRACKETS = new Map([[")", "("], ["]", "["], ["}", "{"]]);

/**
 * Splits a text at its web addresses.
 *
 * @param {string} text
 * @returns {{ text: string, href?: string }[]} the pieces, links with their `href`
 */
export function splitLinks(text) {
  /** @type {{ text: string, href?: string }[]} */
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutEnd(match[0]);
    const href = hrefOf(address);
    if (href === undefined) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/**
 * The text with its links to be clicked.
 *
 * @param {string} text
 */
export function linkNodes(text) {
  return splitLinks(text).map(({ text, href }) => {
    // Never as HTML: it is somebody's.
    if (href === undefined) return document.createTextNode(text);
    const link = document.createElement("a");
    link.href = href;
    // What is opened learns neither of this page nor of its address.
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    link.textContent = text;
    return link;
  });
}

/**
 * Leaves out what follows an address in a sentence, as in "(see http://a/)." A
 * bracket that is opened within belongs to it.
 *
 * @param {string} address
 */
function withoutEnd(address) {
  /** How many of each bracket are closed without having been opened. */
  const extra = new Map();
  for (const [close, open] of BRACKETS) {
    extra.set(close, address.split(close).length - address.split(open).length);
  }
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1] ?? "";
    const open = extra.get(last) ?? 0;
    if (open > 0) extra.set(last, open - 1);
    else if (!ENDS.includes(last)) break;
  }
  return address.slice(0, end);
}

/**
 * Where an address leads; nowhere if it is none, or if it begins with the name
 * of somebody, which could be taken for the host: `http://bank.example@evil/`.
 *
 * @param {string} address
 */
function hrefOf(address) {
  if (!URL.canParse(address)) return undefined;
  const { protocol, username, password, href } = new URL(address);
  const web = protocol === "http:" || protocol === "https:";
  return web && username === "" && password === "" ? href : undefined;
}
