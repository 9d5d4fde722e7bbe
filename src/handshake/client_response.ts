/** The client's checks of the answer (RFC 6455, section 4.1). */

import { acceptKey } from "./accept.ts";
import { type Extension, parseExtensions } from "./extensions.ts";
import { quote } from "./quote.ts";
import { headerValues, type ResponseHead } from "./response_head.ts";
import { hasToken } from "./tokens.ts";

/** What the answer is checked against. */
export interface ClientExpectation<E extends object> {
  /** The key that was sent. */
  readonly key: string;
  /** The subprotocols that were offered. */
  readonly subprotocols: readonly string[];
  /**
   * Checks the extensions that the server has accepted, at least one. Returns
   * what was agreed on, or a text that says what is wrong. If it is absent,
   * nothing was offered, and nothing may be accepted.
   */
  readonly verifyExtensions?:
    | ((accepted: readonly Extension[]) => E | string)
    | undefined;
}

/** The outcome of the handshake. */
export type ClientHandshake<E extends object> =
  | {
    readonly ok: true;
    /** The subprotocol, or an empty string. */
    readonly subprotocol: string;
    /** What `verifyExtensions` returned; `undefined` if none was accepted. */
    readonly extension: E | undefined;
  }
  | {
    readonly ok: false;
    /** The message of the `BadHandshakeError`; the peer's text is quoted. */
    readonly error: string;
  };

/**
 * Checks the answer to an upgrade request: the status, Upgrade, Connection, the
 * accept key, and that the server has chosen nothing that was not offered.
 *
 * @param head The answer's head
 * @param expected What it is checked against
 * @returns What was agreed on, or what is wrong
 */
export function verifyClientResponse<E extends object = object>(
  head: ResponseHead,
  expected: ClientExpectation<E>,
): ClientHandshake<E> {
  if (head.status !== 101) {
    return bad(`the server answered with ${describeStatus(head)}`);
  }
  // The status line of RFC 6455, section 1.3; HTTP/1.0 has no upgrades.
  if (head.minorVersion < 1) return bad("the server answered with HTTP/1.0");

  if (!hasToken(joined(head, "upgrade"), "websocket")) {
    return bad('the Upgrade header has no token "websocket"');
  }
  if (!hasToken(joined(head, "connection"), "upgrade")) {
    return bad('the Connection header has no token "upgrade"');
  }

  const accepts = headerValues(head, "sec-websocket-accept");
  if (accepts.length !== 1) {
    return bad(
      `the Sec-WebSocket-Accept header is there ${accepts.length} times`,
    );
  }
  if (accepts[0] !== acceptKey(expected.key)) {
    return bad("the Sec-WebSocket-Accept header does not answer the key");
  }

  const protocols = headerValues(head, "sec-websocket-protocol");
  if (protocols.length > 1) {
    return bad("the server chose more than one subprotocol");
  }
  const subprotocol = protocols[0];
  if (
    subprotocol !== undefined && !expected.subprotocols.includes(subprotocol)
  ) {
    return bad(
      `the server chose subprotocol ${quote(subprotocol)}, ` +
        "which was not offered",
    );
  }

  const accepted = parseExtensions(joined(head, "sec-websocket-extensions"));
  if (accepted === undefined) {
    return bad("the Sec-WebSocket-Extensions header is malformed");
  }
  let extension: E | undefined;
  const first = accepted[0];
  if (first !== undefined) {
    if (expected.verifyExtensions === undefined) {
      return bad(
        `the server chose extension ${quote(first.name)}, ` +
          "which was not offered",
      );
    }
    const result = expected.verifyExtensions(accepted);
    if (typeof result === "string") return bad(result);
    extension = result;
  }
  return { ok: true, subprotocol: subprotocol ?? "", extension };
}

const MAX_LOCATION = 256;

/**
 * Describes an answer in an error message: its status and phrase, and the
 * target of a redirect. What could be mistaken for our own words is quoted.
 *
 * @param head The answer's head
 * @returns For example, `status 401 Unauthorized`
 */
export function describeStatus(head: ResponseHead): string {
  const { status, reason } = head;
  const plain = /^[\w '-]{0,64}$/.test(reason);
  const phrase = plain ? reason : quote(reason);
  const answer = `status ${status} ${phrase}`.trimEnd();
  const [location] = headerValues(head, "location");
  if (status < 300 || status > 399 || location === undefined) return answer;
  const where = quote(location, MAX_LOCATION);
  return `${answer}, Location ${where}: redirects are not followed`;
}

function bad(fault: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error: `Cannot complete the handshake: ${fault}` };
}

function joined(head: ResponseHead, name: string): string | null {
  const values = headerValues(head, name);
  return values.length === 0 ? null : values.join(", ");
}
