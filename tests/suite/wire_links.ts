/** The wire engine's transports: pipes in memory and TCP. */

import net from "node:net";

import { connOver } from "../../src/over.ts";
import { pipeStreams } from "../../src/runtime/memory/pipe_stream.ts";
import { SocketStream } from "../../src/runtime/node/socket_stream.ts";
import type { Side } from "../../src/transport/transport.ts";
import { WIRE_CAPABILITIES } from "../../src/wire/wire_transport.ts";
import type { Fixture } from "./fixture.ts";
import { Peer } from "./peer.ts";

/** More than Linux's buffers hold on both sides of a connection. */
export const TCP_IN_FLIGHT: number = 12 * 2 ** 20;

/** The wire engine over a pipe in memory. */
export function wirePipe(side: Side, chunkSize: number | undefined): Fixture {
  const chunks = chunkSize === undefined ? "whole" : `${chunkSize}-byte`;
  return {
    name: `wire ${side} over a pipe of ${chunks} chunks`,
    side,
    capabilities: WIRE_CAPABILITIES,
    open(options) {
      const [here, there] = pipeStreams({
        ...(chunkSize === undefined ? {} : { chunkSize }),
      });
      return Promise.resolve({
        conn: connOver(here, { side, ...options }),
        peer: new Peer(there, side === "server"),
        inFlight: 131_072,
      });
    },
  };
}

/** The wire engine over TCP on this machine. */
export function wireTcp(side: Side): Fixture {
  return {
    name: `wire ${side} over TCP`,
    side,
    capabilities: WIRE_CAPABILITIES,
    async open(options) {
      const [accepted, connected] = await tcpPair();
      const [here, there] = side === "server"
        ? [accepted, connected]
        : [connected, accepted];
      return {
        conn: connOver(here, { side, ...options }),
        peer: new Peer(there, side === "server"),
        inFlight: TCP_IN_FLIGHT,
      };
    },
  };
}

/** Two connected sockets: the accepted one and the connecting one. */
async function tcpPair(): Promise<[SocketStream, SocketStream]> {
  const listener = net.createServer({ allowHalfOpen: true });
  const accepted = Promise.withResolvers<net.Socket>();
  listener.once("connection", accepted.resolve);
  await new Promise<void>((resolve) =>
    listener.listen(0, "127.0.0.1", resolve)
  );
  const { port } = listener.address() as net.AddressInfo;
  const connected = net.connect({
    port,
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  const [server] = await Promise.all([
    accepted.promise,
    new Promise<void>((resolve) => connected.once("connect", () => resolve())),
  ]);
  listener.close();
  return [new SocketStream(server), new SocketStream(connected)];
}
