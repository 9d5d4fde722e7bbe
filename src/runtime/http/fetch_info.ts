import type { Duplex } from "node:stream";

import type { FetchInfo } from "../../transport/fetch_info.ts";
import { type AddressPart, remoteAddress } from "../sockets/address.ts";

/**
 * What `fetch` is told of a client, in the shape of Deno and in that of Bun.
 * The address is read at once: a socket forgets it with its end.
 *
 * @param request The request
 * @param socket The socket that it came on
 * @returns An object that may be spread
 */
export function fetchInfo(
  request: Request,
  socket: Duplex & AddressPart,
): FetchInfo {
  const addr = remoteAddress(socket);
  const remoteAddr = addr?.transport === "tcp" ? addr : undefined;
  return {
    remoteAddr,
    // Bun's is the server's, and asked for any request: another one's address
    // must not be given for this one's.
    requestIP(asked) {
      if (asked !== request || remoteAddr === undefined) return null;
      const { hostname, port } = remoteAddr;
      const family = hostname.includes(":") ? "IPv6" : "IPv4";
      return { address: hostname, family, port };
    },
  };
}
