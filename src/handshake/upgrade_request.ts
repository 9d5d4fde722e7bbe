/** What an upgrade request must have (RFC 6455, section 4.2.1). */

import type { Refusal } from "./refusal.ts";
import { hasToken } from "./tokens.ts";

/**
 * Whether the request asks for the WebSocket protocol (gorilla's
 * `IsWebSocketUpgrade`): Connection has the token "upgrade" and Upgrade has
 * "websocket". Nothing else is checked.
 *
 * @param request The request
 * @returns Whether it asks for an upgrade
 *
 * @example Usage
 * ```ts
 * import { isWebSocketUpgrade } from "@silverback/websocket";
 * import { assert } from "@std/assert";
 *
 * const headers = { Connection: "keep-alive, Upgrade", Upgrade: "websocket" };
 * assert(isWebSocketUpgrade(new Request("http://localhost/", { headers })));
 * ```
 */
export function isWebSocketUpgrade(request: Request): boolean {
  return hasToken(request.headers.get("connection"), "upgrade") &&
    hasToken(request.headers.get("upgrade"), "websocket");
}

/**
 * The checks that need nothing but the request, in gorilla's order: Connection,
 * Upgrade, method, version; and that it has no body. Origin and key are not
 * among them, as the origin may be checked by user code and comes first.
 *
 * @param request The request
 * @returns Why it is refused, or `undefined` if nothing is wrong so far
 */
export function checkUpgradeRequest(request: Request): Refusal | undefined {
  const { headers, method } = request;
  if (!hasToken(headers.get("connection"), "upgrade")) {
    return refuse(400, 'the Connection header has no token "upgrade"');
  }
  if (!hasToken(headers.get("upgrade"), "websocket")) {
    return refuse(426, 'the Upgrade header has no token "websocket"', [
      ["Upgrade", "websocket"],
    ]);
  }
  if (method !== "GET") {
    return refuse(405, "the method is not GET", [["Allow", "GET"]]);
  }
  if (!hasToken(headers.get("sec-websocket-version"), "13")) {
    return refuse(400, "the Sec-WebSocket-Version header has no 13");
  }
  // What stands behind the head is read as frames: a body there would be a
  // second request to one side and frames to the other.
  if (headers.has("transfer-encoding") || !isZero(headers)) {
    return refuse(400, "it has a body");
  }
  return undefined;
}

function refuse(
  status: number,
  fault: string,
  headers: [string, string][] = [],
): Refusal {
  return { status, reason: `Cannot upgrade request: ${fault}`, headers };
}

/** Whether Content-Length is absent, or nothing but zeros. */
function isZero(headers: Headers): boolean {
  const length = headers.get("content-length");
  if (length === null) return true;
  for (let i = 0; i < length.length; i++) {
    if (length.charCodeAt(i) !== 0x30) return false;
  }
  return length.length > 0;
}
