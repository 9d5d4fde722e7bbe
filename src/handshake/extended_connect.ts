/** The opening handshake over HTTP/2 (RFC 8441, section 5). */

import { quote } from "./quote.ts";
import type { Refusal } from "./refusal.ts";
import { hasToken } from "./tokens.ts";

// RFC 9113, section 8.2.2: they make a request malformed.
const CONNECTION_SPECIFIC: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
];

/**
 * What an extended CONNECT must have, as the `GET` that it stands for. There is
 * no Upgrade, no Connection and no key: HTTP/2 has its own ways for what they
 * are for.
 *
 * @param request The request
 * @returns Why it is refused, or `undefined` if nothing is wrong so far
 */
export function checkExtendedConnect(request: Request): Refusal | undefined {
  const { headers } = request;
  for (const name of CONNECTION_SPECIFIC) {
    if (headers.has(name)) {
      return refuse(`HTTP/2 has no header ${quote(name)}`);
    }
  }
  if (!hasToken(headers.get("sec-websocket-version"), "13")) {
    return refuse("the Sec-WebSocket-Version header has no 13");
  }
  // The stream is the connection's: a body would be read as frames.
  if (headers.has("content-length")) return refuse("it has a body");
  return undefined;
}

function refuse(fault: string): Refusal {
  return { status: 400, reason: `Cannot upgrade request: ${fault}` };
}
