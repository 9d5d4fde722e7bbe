import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { nativeRuntime } from "../detect.ts";

// Bun's node:http server keeps a request with its socket, also of one that has
// been upgraded and may live for days: 1.8 KiB of an idle connection's 12, and
// more where there are cookies. The property has no public name, so it is found
// by its value.
const KEEPS_REQUESTS: boolean = nativeRuntime() === "bun";

let place: symbol | undefined;

/**
 * Makes an upgraded socket let go of its request.
 *
 * @param socket The socket
 * @param message The request
 */
export function forgetRequest(socket: Duplex, message: IncomingMessage): void {
  if (!KEEPS_REQUESTS) return;
  const fields = socket as unknown as Record<symbol, unknown>;
  place ??= Object.getOwnPropertySymbols(socket).find((key) =>
    fields[key] === message
  );
  if (place !== undefined && fields[place] === message) {
    fields[place] = undefined;
  }
}
