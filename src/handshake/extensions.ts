/**
 * The grammar of `Sec-WebSocket-Extensions` (RFC 6455, section 9.1), read once
 * from left to right. It does not depend on any extension.
 */

import { quote } from "./quote.ts";
import { isToken, skipSpace, tokenEnd } from "./tokens.ts";

/** The most extensions and parameters, counted together, in one header. */
export const MAX_EXTENSION_ITEMS = 256;

const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** A parameter: its name, and its value if it has one. */
export type ExtensionParam = readonly [
  name: string,
  value: string | undefined,
];

/** An extension as it is offered or accepted. */
export interface Extension {
  /** The extension's token, in the sender's case. */
  readonly name: string;
  /** The parameters in the sender's order, duplicates included. */
  readonly params: readonly ExtensionParam[];
}

/**
 * Parses the header's value. A malformed one must fail the handshake, so
 * nothing of it is returned.
 *
 * @param value The value, or `null` if there is no such header
 * @returns The extensions in order, or `undefined` if the value is malformed or
 * has more than {@linkcode MAX_EXTENSION_ITEMS} names
 */
export function parseExtensions(value: string | null): Extension[] | undefined {
  const extensions: Extension[] = [];
  if (value === null) return extensions;
  let items = 0;
  let i = 0;
  for (;;) {
    i = skipSpace(value, i);
    const end = tokenEnd(value, i);
    if (end > i) {
      const params: ExtensionParam[] = [];
      extensions.push({ name: value.slice(i, end), params });
      if (++items > MAX_EXTENSION_ITEMS) return undefined;
      i = skipSpace(value, end);
      while (value.charCodeAt(i) === SEMICOLON) {
        if (++items > MAX_EXTENSION_ITEMS) return undefined;
        i = parseParam(value, i + 1, params);
        if (i < 0) return undefined;
      }
    }
    // An empty element is not an error (RFC 7230, section 7).
    if (i === value.length) return extensions;
    if (value.charCodeAt(i) !== COMMA) return undefined;
    i++;
  }
}

/**
 * Formats the header's value. All values are tokens, so none needs quotes.
 *
 * @param extensions The extensions
 * @returns The value
 * @throws {TypeError} If a name or a value is not a token
 */
export function formatExtensions(extensions: readonly Extension[]): string {
  return extensions.map(({ name, params }) =>
    [
      checked(name),
      ...params.map(([name, value]) =>
        value === undefined
          ? checked(name)
          : `${checked(name)}=${checked(value)}`
      ),
    ].join("; ")
  ).join(", ");
}

function checked(text: string): string {
  if (isToken(text)) return text;
  throw new TypeError(
    `Cannot format extension: ${quote(text)} is not a token`,
  );
}

/** Parses one parameter; returns the index after it and its space, or -1. */
function parseParam(
  text: string,
  start: number,
  params: ExtensionParam[],
): number {
  const from = skipSpace(text, start);
  const end = tokenEnd(text, from);
  if (end === from) return -1;
  const name = text.slice(from, end);
  let i = skipSpace(text, end);
  if (text.charCodeAt(i) !== EQUALS) {
    params.push([name, undefined]);
    return i;
  }
  i = skipSpace(text, i + 1);
  if (text.charCodeAt(i) === QUOTE) return parseQuoted(text, i, name, params);
  const valueEnd = tokenEnd(text, i);
  if (valueEnd === i) return -1;
  params.push([name, text.slice(i, valueEnd)]);
  return skipSpace(text, valueEnd);
}

/** The same for a quoted value, which is a token once it is unescaped. */
function parseQuoted(
  text: string,
  start: number,
  name: string,
  params: ExtensionParam[],
): number {
  let value = "";
  let from = start + 1;
  let i = from;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      value += text.slice(from, i);
      if (!isToken(value)) return -1;
      params.push([name, value]);
      return skipSpace(text, i + 1);
    }
    if (code === BACKSLASH) {
      // The escaped character is literal: it begins the next slice.
      value += text.slice(from, i);
      from = ++i;
    }
  }
  return -1;
}
