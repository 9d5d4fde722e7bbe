import { plainIP } from "../../base/ip.ts";
import type { Addr, Transport } from "../../transport/transport.ts";
import { DenoTransport } from "./transport.ts";
import type { DenoServeInfo } from "./types.ts";

/** What the handshake has agreed on, and the limits of the connection. */
export interface DenoUpgradeOptions {
  /** The client's address, if it is known. */
  readonly remoteAddr: Addr | undefined;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** The application's headers of the 101, valid. */
  readonly headers: readonly (readonly [string, string])[];
  /** Milliseconds until the 101 must have been sent. */
  readonly handshakeTimeout: number;
  /** Called with the error if it has not. */
  readonly lost: (error: Error) => void;
  /** Milliseconds of silence after which the peer is given up. */
  readonly idleTimeout: number | undefined;
  /** Milliseconds in which Deno must report an end that it has begun. */
  readonly closeTimeout: number;
  /** Bytes of one received message. */
  readonly readLimit: number;
  /** Bytes that may wait in the socket before a `send` waits. */
  readonly highWaterMark: number;
}

/** The connection, and the response for Deno. */
export interface DenoUpgrade {
  /** The connection, usable at once. */
  readonly transport: Transport;
  /**
   * The 101. The handler must return it: once the request has been upgraded,
   * anything else makes Deno close its listener.
   */
  readonly response: Response;
}

// Deno aborts the signals of requests that it has upgraded, as if the client
// had disconnected.
const upgraded: WeakSet<Request> = new WeakSet();

/**
 * Upgrades a request of `Deno.serve`. Once `Deno.upgradeWebSocket` has
 * returned, nothing here throws.
 *
 * @param request The request that `Deno.serve` passed
 * @param options The handshake's outcome
 * @returns The connection and the response
 * @throws {TypeError} If Deno cannot upgrade the request, which can then still
 * be answered
 */
export function upgradeOnDeno(
  request: Request,
  options: DenoUpgradeOptions,
): DenoUpgrade {
  const headers = new Headers();
  for (const [name, value] of options.headers) headers.append(name, value);
  // Deno's option `protocol` splits the client's offers at ", " and throws for
  // "a,b", so we set the header.
  if (options.subprotocol !== "") {
    headers.set("Sec-WebSocket-Protocol", options.subprotocol);
  }
  const { socket, response } = Deno.upgradeWebSocket(request, {
    idleTimeout: options.idleTimeout === undefined
      ? 0
      : Math.ceil(options.idleTimeout / 1000),
  });
  upgraded.add(request);
  // Deno ignores its option `headers`.
  for (const [name, value] of headers) response.headers.append(name, value);
  return {
    transport: new DenoTransport(socket, options),
    response,
  };
}

/**
 * Whether the client has disconnected. If a request is upgraded after that,
 * Deno never frees its socket. Deno aborts the request's signal, but only in a
 * turn after the signal was first read.
 *
 * @param request The request that `Deno.serve` passed
 * @returns Whether it has
 */
export async function hasGoneOnDeno(request: Request): Promise<boolean> {
  const { signal } = request;
  await new Promise<void>((resolve) => setImmediate(resolve));
  return signal.aborted && !upgraded.has(request);
}

/**
 * The client's address, from the handler's second argument. Deno only knows it
 * before the upgrade, and throws afterwards.
 */
export function remoteAddrOnDeno(
  info: DenoServeInfo | undefined,
): Addr | undefined {
  let addr: DenoServeInfo["remoteAddr"] | undefined;
  try {
    addr = info?.remoteAddr;
  } catch {
    return undefined;
  }
  if (addr?.transport === "tcp" && addr.hostname !== undefined) {
    return {
      transport: "tcp",
      hostname: plainIP(addr.hostname),
      port: addr.port ?? 0,
    };
  }
  if (addr?.transport === "unix") {
    return { transport: "unix", path: addr.path ?? "" };
  }
  return undefined;
}
