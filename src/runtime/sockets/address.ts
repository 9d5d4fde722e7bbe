import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { plainIP } from "../../base/ip.ts";
import type { Addr } from "../../transport/transport.ts";
import { carrierOf } from "./http2_stream.ts";

/** A socket's addresses; a duplex that is not connected has none. */
export type AddressPart = {
  readonly [
    K in "localAddress" | "localPort" | "remoteAddress" | "remotePort"
  ]?: Socket[K] | undefined;
};

/** What a server's socket knows of its server. */
export interface ServerPart {
  readonly server?: { address?(): unknown } | null | undefined;
}

/** The peer's address, if the duplex is, or stands on, a connected socket. */
export function remoteAddress(
  socket: Duplex & AddressPart & ServerPart,
): Addr | undefined {
  const { remoteAddress, remotePort, server } = carrierOf(socket);
  const known = address(remoteAddress, remotePort);
  if (known !== undefined) return known;
  // A socket of TCP that is gone has no address either: only its server tells
  // that it is a unix socket.
  const path = server?.address?.();
  return typeof path === "string" ? { transport: "unix", path } : undefined;
}

/** This side's address, if the duplex is, or stands on, a connected socket. */
export function localAddress(socket: Duplex & AddressPart): Addr | undefined {
  const { localAddress, localPort } = carrierOf(socket);
  return address(localAddress, localPort);
}

function address(
  ip: string | undefined,
  port: number | undefined,
): Addr | undefined {
  if (ip === undefined || ip === "") return undefined;
  return { transport: "tcp", hostname: plainIP(ip), port: port ?? 0 };
}
