/** The choice of a subprotocol (RFC 6455, sections 1.9, 4.1 and 4.2.2). */

import { isProtocol } from "./headers.ts";
import { quote } from "./quote.ts";
import type { Refusal } from "./refusal.ts";
import { isToken, parseTokenList } from "./tokens.ts";

/**
 * The server's subprotocols: a list, or a function that chooses one of those
 * that the client offers, or `undefined` for none.
 */
export type SubprotocolOption =
  | readonly string[]
  | ((
    offered: readonly string[],
    request: Request,
  ) => string | undefined | Promise<string | undefined>);

/**
 * The subprotocols that the client offers (gorilla's `Subprotocols`), in its
 * order of preference, from all Sec-WebSocket-Protocol lines, without
 * duplicates. The list ends at the first element that is not a token, or after
 * 256 elements.
 *
 * @param request The upgrade request
 * @returns The names, in their case; empty if there are none
 *
 * @example Usage
 * ```ts
 * import { subprotocols } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const headers = { "Sec-WebSocket-Protocol": "chat.v2, chat.v1" };
 * const request = new Request("http://localhost/", { headers });
 * assertEquals(subprotocols(request), ["chat.v2", "chat.v1"]);
 * ```
 */
export function subprotocols(request: Request): string[] {
  const value = request.headers.get("sec-websocket-protocol");
  return [...new Set(parseTokenList(value).tokens)];
}

/**
 * Checks the option `subprotocols` of an Upgrader or a Dialer.
 *
 * @param names The list
 * @throws {TypeError} If it is no array, or a name is not a token or is listed twice
 */
export function checkSubprotocols(names: readonly string[]): void {
  // A string has characters, which would be taken for names.
  if (!Array.isArray(names)) {
    throw new TypeError(
      'Cannot use option subprotocols: it must be an array, such as ["chat"]',
    );
  }
  const seen = new Set<string>();
  for (const name of names) {
    if (typeof name !== "string" || !isToken(name)) {
      throw new TypeError(
        `Cannot use subprotocol ${quote(String(name))}: it is not a token`,
      );
    }
    if (seen.has(name)) {
      throw new TypeError(
        `Cannot use subprotocol ${quote(name)}: it is listed twice`,
      );
    }
    seen.add(name);
  }
}

/**
 * Chooses the server's answer: the first of the client's offers that is in the
 * list, or what the function returns. Without the option, it is the value of
 * the application's own Sec-WebSocket-Protocol header.
 *
 * @param request The upgrade request
 * @param option The server's subprotocols
 * @param headers The application's headers, checked
 * @returns The subprotocol, "" for none, or why the upgrade is refused
 */
export async function selectSubprotocol(
  request: Request,
  option: SubprotocolOption | undefined,
  headers: readonly (readonly [string, string])[],
): Promise<string | Refusal> {
  const offered = subprotocols(request);
  if (option === undefined) return fromHeaders(offered, headers);
  if (typeof option !== "function") {
    return offered.find((name) => option.includes(name)) ?? "";
  }
  try {
    const name: unknown = await option([...offered], request);
    if (name === undefined) return "";
    return typeof name === "string" && offered.includes(name)
      ? name
      : notOffered(name);
  } catch (cause) {
    return {
      status: 500,
      reason: "Cannot upgrade request: the subprotocols callback failed",
      cause,
    };
  }
}

// gorilla sends the application's header as it is; RFC 6455, section 4.2.2,
// allows one value, and one that was offered.
function fromHeaders(
  offered: readonly string[],
  headers: readonly (readonly [string, string])[],
): string | Refusal {
  const values = headers.filter(([name]) => isProtocol(name));
  if (values.length > 1) {
    return failure("the Sec-WebSocket-Protocol header is given twice");
  }
  const name = values[0]?.[1];
  if (name === undefined) return "";
  return offered.includes(name) ? name : notOffered(name);
}

function notOffered(name: unknown): Refusal {
  return failure(
    `the client has not offered subprotocol ${quote(String(name))}`,
  );
}

function failure(fault: string): Refusal {
  return { status: 500, reason: `Cannot upgrade request: ${fault}` };
}
