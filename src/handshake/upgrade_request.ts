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
 * The checks that need only the request, in gorilla's order: Connection,
 * Upgrade, method, version; and that it has no body. The origin is checked
 * next, perhaps by user code, and the key after that.
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
  // What follows the head is read as frames. A body would be a second request
  // to a proxy and frames to us.
  if (headers.has("transfer-encoding") || !isZero(headers)) {
    return refuse(400, "it has a body");
  }
  return undefined;
}

/**
 * Whether a runtime's own request has a target and a Host that are well-formed
 * (RFC 7230, sections 5.3 and 5.4). Deno and Bun put any value of Host in front
 * of the target, so the URL may be invalid, or not the one requested.
 *
 * @param request The request that the runtime passed
 * @returns Whether it has
 */
export function isWellFormed(request: Request): boolean {
  const { url } = request;
  const host = request.headers.get("host");
  return URL.canParse(url) && !url.includes("#") &&
    // HTTP/2 has no Host header.
    (host === null || isHostField(host));
}

/**
 * Whether the value of a Host header can be the authority of a URL.
 *
 * @param host The value
 * @returns Whether it has no character that would end the authority
 */
function isHostField(host: string): boolean {
  return /^[^\s/?#@\\]+$/.test(host);
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
