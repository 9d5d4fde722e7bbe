/** The wire engine behind `serve()`, with a peer over TCP or TLS. */

import net from "node:net";
import tls from "node:tls";

import type { Conn } from "../../src/conn/conn.ts";
import { SocketStream } from "../../src/runtime/sockets/socket_stream.ts";
import { WIRE_CAPABILITIES } from "../../src/wire/wire_transport.ts";
import { ca, type Carrier } from "../support/http_server.ts";
import { RawPeer, UPGRADE_HEADERS } from "../support/raw_peer.ts";
import { portOf, serveAt } from "../support/servers.ts";
import type { Fixture } from "./fixture.ts";
import { TCP_IN_FLIGHT } from "./wire_links.ts";

/** The connections of `serve()`. */
export function served(carrier: Carrier): Fixture {
  return {
    name: `wire server of serve() over ${carrier}`,
    engine: "wire",
    side: "server",
    capabilities: WIRE_CAPABILITIES,
    async open(options) {
      const opened = Promise.withResolvers<Conn>();
      const place = { engine: "wire", carrier, name: "" } as const;
      const server = await serveAt(place, (conn) => opened.resolve(conn), {
        upgrader: options,
      });
      const peer = await upgraded(carrier, portOf(server));
      return {
        conn: await opened.promise,
        peer,
        inFlight: TCP_IN_FLIGHT,
        release: () => server.shutdown(),
      };
    },
  };
}

/** A client behind the opening handshake. */
async function upgraded(carrier: Carrier, port: number): Promise<RawPeer> {
  const address = { port, host: "127.0.0.1", allowHalfOpen: true };
  const socket = net.connect(address);
  const secured = carrier === "TCP"
    ? socket
    : tls.connect({ socket, ca, host: "127.0.0.1" });
  // Deno reads on for a TLS socket that is paused; this stream sees to it.
  const peer = new RawPeer(new SocketStream(secured), "client");
  peer.request(UPGRADE_HEADERS);
  await peer.head();
  return peer;
}
