/** The wire engine behind `serve()`, with a peer over TCP or TLS. */

import net from "node:net";
import tls from "node:tls";

import type { Conn } from "../../src/conn/conn.ts";
import { SocketStream } from "../../src/runtime/node/socket_stream.ts";
import { WIRE_CAPABILITIES } from "../../src/wire/wire_transport.ts";
import { ca, type Carrier, head, UPGRADE } from "../fixtures/http_server.ts";
import { portOf, serveAt } from "../fixtures/servers.ts";
import type { Fixture } from "./fixture.ts";
import { Peer } from "./peer.ts";
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
      const stream = await upgraded(carrier, portOf(server));
      return {
        conn: await opened.promise,
        peer: new Peer(stream, true),
        inFlight: TCP_IN_FLIGHT,
        release: () => server.shutdown(),
      };
    },
  };
}

/** A client's stream, behind the opening handshake. */
export async function upgraded(
  carrier: Carrier,
  port: number,
): Promise<SocketStream> {
  const address = { port, host: "127.0.0.1", allowHalfOpen: true };
  const socket = net.connect(address);
  const secured = carrier === "TCP"
    ? socket
    : tls.connect({ socket, ca, host: "127.0.0.1" });
  secured.write(head(...UPGRADE));
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  let got: Uint8Array = new Uint8Array(0);
  const take = (chunk: Uint8Array) => {
    got = new Uint8Array([...got, ...chunk]);
    const text = new TextDecoder("latin1").decode(got);
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    secured.pause();
    secured.off("data", take).off("error", reject);
    if (text.startsWith("HTTP/1.1 101 ")) resolve(got.slice(end + 4));
    else reject(new Error(text));
  };
  secured.on("data", take).on("error", reject);
  return new SocketStream(secured, { head: await promise });
}
