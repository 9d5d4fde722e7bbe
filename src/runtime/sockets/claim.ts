import { brandOf } from "../../base/brands.ts";
import { nameOf } from "../../base/user_values.ts";
import type { Duplex } from "./types.ts";

// Marks on the socket itself, so that other copies of the package see them.
const OWNED = brandOf("owned");
const LEFT = brandOf("left");

/**
 * Takes over a socket. Two owners would both write to it, and only one would
 * learn of its end.
 *
 * @param socket The socket
 * @throws {DOMException} `InvalidStateError` if it already has an owner
 * @throws {TypeError} If it is no socket
 */
export function claim(socket: Duplex): void {
  if (
    typeof socket?.on !== "function" || typeof socket.write !== "function"
  ) {
    throw new TypeError(
      `Cannot take ${
        nameOf(socket)
      } as a socket: it must be a node:net or node:tls socket, or another node duplex`,
    );
  }
  if (isClaimed(socket)) {
    throw new DOMException(
      "Cannot take socket: it already belongs to another connection, pass it to only one listener(), upgradeSocket() or socketStream()",
      "InvalidStateError",
    );
  }
  Object.defineProperty(socket, OWNED, { value: true });
}

/** Whether a socket has been taken over. */
export function isClaimed(socket: Duplex): boolean {
  return OWNED in socket;
}

/**
 * Records that a listener leaves a socket to others.
 *
 * @param socket The socket
 * @returns How many have left it so far
 */
export function leave(socket: Duplex): number {
  const marked = socket as Duplex & Record<symbol, number | undefined>;
  const count = (marked[LEFT] ?? 0) + 1;
  Object.defineProperty(socket, LEFT, { value: count, configurable: true });
  return count;
}

/**
 * How many listeners an event has.
 *
 * @param server The listener's `this`: the server, unless user code calls it
 * @param event The event
 * @returns Their number; 1 if it is unknown
 */
export function listenersOf(
  server: unknown,
  event: "upgrade" | "connect",
): number {
  const { listenerCount } = (server ?? {}) as {
    listenerCount?: (event: string) => number;
  };
  return typeof listenerCount === "function"
    ? listenerCount.call(server, event)
    : 1;
}

/**
 * Checks that a socket delivers bytes.
 *
 * @param socket The socket
 * @throws {TypeError} If it has an encoding, and so delivers strings
 */
export function checkBytes(socket: Duplex): void {
  // What is no socket at all, claim() refuses.
  const readableEncoding = socket?.readableEncoding;
  if (readableEncoding === null || readableEncoding === undefined) return;
  throw new TypeError(
    `Cannot use socket with encoding ${
      JSON.stringify(readableEncoding)
    }: it must give bytes, do not call setEncoding()`,
  );
}

/**
 * Checks what was read before a socket was taken over.
 *
 * @param head The bytes, or nothing
 * @throws {TypeError} If it is anything else
 */
export function checkHead(head: unknown): void {
  if (head === undefined || head instanceof Uint8Array) return;
  throw new TypeError(
    `Cannot use head of type ${typeof head}: it must be a Uint8Array`,
  );
}
