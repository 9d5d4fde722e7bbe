/**
 * The header grammar of RFC 7230, sections 3.2.3, 3.2.6 and 7, parsed by hand:
 * every function reads its text once, from left to right. Values are what web
 * `Headers` return, with several lines of one name joined by ", ".
 */

/** The most elements that a token list yields. */
export const MAX_LIST_LENGTH = 256;

const HTAB = 0x09;
const SP = 0x20;
const COMMA = 0x2c;

// tchar (RFC 7230, section 3.2.6).
const TOKEN_CODES: Uint8Array = new Uint8Array(128);
for (
  const char of "!#$%&'*+-.^_`|~0123456789" +
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
) {
  TOKEN_CODES[char.charCodeAt(0)] = 1;
}

/** A list, as far as it could be parsed. */
export interface TokenList {
  /** The elements before the first malformed one, in order. */
  readonly tokens: string[];
  /** Whether these are all: no element was malformed or beyond the limit. */
  readonly complete: boolean;
}

/**
 * Whether the whole text is one token.
 *
 * @param text The text
 * @returns Whether it is a token; an empty text is not
 */
export function isToken(text: string): boolean {
  return text.length > 0 && tokenEnd(text, 0) === text.length;
}

/**
 * Where the token that begins at an index ends.
 *
 * @param text The text
 * @param start The index of the token's first character
 * @returns The index after it; `start` itself if no token begins there
 */
export function tokenEnd(text: string, start: number): number {
  let i = start;
  while (i < text.length && TOKEN_CODES[text.charCodeAt(i)] === 1) i++;
  return i;
}

/**
 * Where the optional white space that begins at an index ends.
 *
 * @param text The text
 * @param start The index to begin at
 * @returns The index of the first character that is neither space nor tab
 */
export function skipSpace(text: string, start: number): number {
  let i = start;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code !== SP && code !== HTAB) break;
    i++;
  }
  return i;
}

/**
 * The text without the spaces and tabs around it.
 *
 * @param text The text
 * @returns The trimmed text
 */
export function trimSpace(text: string): string {
  const start = skipSpace(text, 0);
  let end = text.length;
  while (end > start) {
    const code = text.charCodeAt(end - 1);
    if (code !== SP && code !== HTAB) break;
    end--;
  }
  return text.slice(start, end);
}

/**
 * Whether two texts are equal, ignoring the case of ASCII letters. Other
 * letters are not folded: a Kelvin sign is not a "k".
 *
 * @param a A text
 * @param b Another
 * @returns Whether they are equal
 */
export function equalsIgnoreCase(a: string, b: string): boolean {
  return a.length === b.length && matches(a, 0, b);
}

/**
 * Whether a comma-separated list of tokens has the token, ignoring the case of
 * ASCII letters (gorilla's `tokenListContainsValue`). Elements after a
 * malformed one are ignored.
 *
 * @param value The header's value, or `null` where there is no such header
 * @param token The token to look for
 * @returns Whether it is there
 */
export function hasToken(value: string | null, token: string): boolean {
  if (value === null) return false;
  let found = false;
  scanTokens(value, (start, end) => {
    found = end - start === token.length && matches(value, start, token);
    return !found;
  });
  return found;
}

/**
 * Parses a comma-separated list of tokens, up to a malformed element, or
 * {@linkcode MAX_LIST_LENGTH} elements.
 *
 * @param value The header's value, or `null` where there is no such header
 * @returns The elements, duplicates included, and whether those are all
 */
export function parseTokenList(value: string | null): TokenList {
  const tokens: string[] = [];
  if (value === null) return { tokens, complete: true };
  const complete = scanTokens(value, (start, end) => {
    if (tokens.length === MAX_LIST_LENGTH) return false;
    tokens.push(value.slice(start, end));
    return true;
  });
  return { tokens, complete };
}

/**
 * Visits the elements until one is malformed or the visitor returns false;
 * returns whether all were visited. Empty elements are skipped (RFC 7230,
 * section 7), as joining an empty header line makes one.
 */
function scanTokens(
  value: string,
  visit: (start: number, end: number) => boolean,
): boolean {
  let i = 0;
  for (;;) {
    const start = skipSpace(value, i);
    const end = tokenEnd(value, start);
    i = skipSpace(value, end);
    if (i < value.length && value.charCodeAt(i) !== COMMA) return false;
    if (end > start && !visit(start, end)) return false;
    if (i === value.length) return true;
    i++;
  }
}

/** Whether `text` has `part` at `start`, ASCII letters in either case. */
function matches(text: string, start: number, part: string): boolean {
  for (let i = 0; i < part.length; i++) {
    if (lower(text.charCodeAt(start + i)) !== lower(part.charCodeAt(i))) {
      return false;
    }
  }
  return true;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
