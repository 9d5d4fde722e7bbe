/** The headers that an application gives to a handshake, checked. */

import { quote } from "./quote.ts";
import { isToken } from "./tokens.ts";

/**
 * Headers as an application gives them. The case of names and the order are
 * kept for a record and for an array of pairs; `Headers` lower-case and sort
 * them. In an array, a name such as Set-Cookie may be repeated.
 */
export type HeadersLike =
  | Headers
  | Record<string, string>
  | [string, string][];

// Headers that frame the message, or apply to one hop (RFC 7230, section 6.1).
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "content-length",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
]);

/**
 * Checks the headers that an application adds to a 101.
 *
 * @param headers The application's headers
 * @param protocolAllowed Whether Sec-WebSocket-Protocol may be among them
 * @returns The name and value of each, in order
 * @throws {TypeError} If a name or a value is malformed, or a header belongs to
 * the handshake
 */
export function responseHeaders(
  headers: HeadersLike,
  protocolAllowed: boolean,
): [string, string][] {
  const list = headerList(headers);
  for (const [name] of list) {
    if (isReserved(name, protocolAllowed)) {
      throw new TypeError(
        `Cannot send header ${quote(name)}: the handshake does not leave it ` +
          "to the application" +
          (isProtocol(name) ? ", as the option subprotocols is set" : ""),
      );
    }
  }
  return list;
}

/**
 * The headers of an upgrade request that an application adds. Host may be
 * among them.
 *
 * @param headers The application's headers
 * @param protocolAllowed Whether Sec-WebSocket-Protocol may be among them
 * @returns The name and value of each, in order
 * @throws {TypeError} If a name or a value is malformed, or a header belongs to
 * the handshake
 */
export function requestHeaders(
  headers: HeadersLike,
  protocolAllowed: boolean,
): [string, string][] {
  const list = headerList(headers);
  for (const [name] of list) {
    // gorilla's words.
    if (isManaged(name, protocolAllowed)) {
      throw new TypeError(
        `Cannot dial: duplicate header not allowed: ${name}`,
      );
    }
    if (isHopByHop(name)) {
      throw new TypeError(
        `Cannot dial: header not allowed in an upgrade request: ${name}`,
      );
    }
  }
  return list;
}

/**
 * The name and value of each header, in order.
 *
 * @param headers The headers
 * @returns A new array
 * @throws {TypeError} If they are not `Headers`, a plain object or an array of
 * pairs, or if a name is not a token, or if a value has a character that may
 * not stand in a header
 */
export function headerList(headers: HeadersLike): [string, string][] {
  return entries(headers).map((entry) => {
    if (
      !Array.isArray(entry) || entry.length !== 2 ||
      typeof entry[0] !== "string" || typeof entry[1] !== "string"
    ) {
      throw new TypeError(
        "Cannot read headers: each must have a string for its name and one " +
          "for its value",
      );
    }
    const [name, value] = entry;
    if (!isToken(name)) {
      throw new TypeError(
        `Cannot send header ${quote(name)}: the name is not a token`,
      );
    }
    if (!isFieldValue(value)) {
      throw new TypeError(
        `Cannot send header ${quote(name)}: the value has a control ` +
          "character, or one above U+00FF",
      );
    }
    return [name, value];
  });
}

/**
 * Whether the text may stand as a header's value (RFC 7230, section 3.2): no
 * CR, LF, NUL or other control character but the tab, nothing above one byte.
 *
 * @param value The text
 * @returns Whether it may
 */
export function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 ? code !== 0x09 : code === 0x7f || code > 0xff) {
      return false;
    }
  }
  return true;
}

function entries(headers: unknown): unknown[] {
  if (typeof headers === "object" && headers !== null) {
    if (Symbol.iterator in headers) return [...headers as Iterable<unknown>];
    // Of any realm. Another object, a foreign Response for one, would show no
    // headers and be taken for none.
    const proto = Object.getPrototypeOf(headers);
    if (proto === null || Object.getPrototypeOf(proto) === null) {
      return Object.entries(headers);
    }
  }
  throw new TypeError(
    "Cannot read headers: they must be Headers, a plain object or an array " +
      "of pairs",
  );
}

/**
 * Whether the application may not give a header: the handshake writes it itself, or
 * it frames the message or applies to one hop.
 *
 * @param name The header's name, in any case
 * @param protocolAllowed Whether Sec-WebSocket-Protocol may be given
 * @returns Whether it may not
 */
export function isReserved(name: string, protocolAllowed: boolean): boolean {
  return isManaged(name, protocolAllowed) || isHopByHop(name);
}

function isManaged(name: string, protocolAllowed: boolean): boolean {
  const lower = name.toLowerCase();
  return lower === "upgrade" || lower === "connection" ||
    lower.startsWith("sec-websocket-") &&
      !(protocolAllowed && isProtocol(lower));
}

function isHopByHop(name: string): boolean {
  const lower = name.toLowerCase();
  return HOP_BY_HOP.has(lower) || lower.startsWith("proxy-");
}

/** Whether the header is Sec-WebSocket-Protocol. */
export function isProtocol(name: string): boolean {
  return name.toLowerCase() === "sec-websocket-protocol";
}
