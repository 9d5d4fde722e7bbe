import { plainIP } from "../../base/ip.ts";
import type { Addr } from "../../transport/transport.ts";
import { clampLimit } from "./limits.ts";
import { BunTransport } from "./transport.ts";
import type { BunServer } from "./types.ts";

/** What the handshake has agreed on, and the limits of the connection. */
export interface BunUpgradeOptions {
  /** The client's address, if it is known. */
  readonly remoteAddr: Addr | undefined;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** The application's headers of the 101, valid. */
  readonly headers: readonly (readonly [string, string])[];
  /** Bytes of one received message. */
  readonly readLimit: number;
  /** Bytes that may wait in the socket before a `send` waits. */
  readonly highWaterMark: number;
  /** Bytes from which on a message is compressed; `Infinity` for never. */
  readonly threshold: number;
}

/** The connection, and what is wrong with it, if anything. */
export interface BunUpgrade {
  /** The connection, usable at once. */
  readonly transport: BunTransport;
  /**
   * Why it must not be used, if the server's `websocket` object does not fit.
   * The 101 has been sent.
   */
  readonly fault: TypeError | undefined;
}

/**
 * Upgrades a request of `Bun.serve`.
 *
 * @param request The request that `Bun.serve` passed
 * @param server The server that it came to
 * @param options The handshake's outcome
 * @returns The connection
 * @throws {TypeError} If Bun cannot upgrade the request, which can then still
 * be answered
 */
export function upgradeOnBun(
  request: Request,
  server: BunServer,
  options: BunUpgradeOptions,
): BunUpgrade {
  const headers = new Headers();
  for (const [name, value] of options.headers) headers.append(name, value);
  // By default, Bun echoes the client's first offer; an empty value leaves the
  // header out.
  if (options.subprotocol !== "" || isOffering(request)) {
    headers.set("Sec-WebSocket-Protocol", options.subprotocol);
  }
  const transport = new BunTransport(options);
  if (!server.upgrade(request, { data: transport, headers })) {
    throw new TypeError(
      "Cannot upgrade request: Bun refuses it; pass the Request that Bun.serve passed, not a copy, once, and before the client disconnects",
    );
  }
  return { transport, fault: faultOf(transport, options.readLimit) };
}

function isOffering(request: Request): boolean {
  return request.headers.has("sec-websocket-protocol");
}

function faultOf(
  transport: BunTransport,
  readLimit: number,
): TypeError | undefined {
  const limits = transport.limits;
  if (limits === undefined) {
    return new TypeError(
      "Cannot upgrade request: the websocket of Bun.serve must be the websocket of an Upgrader; " +
        "Bun has opened the connection for the other one, which alone can close it",
    );
  }
  if (clampLimit(readLimit) <= limits.readLimit) return undefined;
  return new TypeError(
    `Cannot upgrade request: the readLimit of ${readLimit} bytes is looser than the ${limits.readLimit} bytes of the server, ` +
      "give Bun.serve the websocket of the Upgrader with the largest",
  );
}

/** The client's address, which Bun only knows before the upgrade. */
export function remoteAddrOnBun(
  request: Request,
  server: BunServer,
): Addr | undefined {
  const address = server.requestIP(request);
  if (address !== null) {
    const { address: ip, port } = address;
    return { transport: "tcp", hostname: plainIP(ip), port };
  }
  // On a unix socket it is null, as it is of a client that has gone.
  const url = (server as { readonly url?: URL }).url;
  return url?.protocol === "unix:"
    ? { transport: "unix", path: url.pathname }
    : undefined;
}
