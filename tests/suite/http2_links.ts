/** The wire engine over streams of HTTP/2. */

import type http2 from "node:http2";

import type { Conn } from "../../src/conn/conn.ts";
import { connOver } from "../../src/conn_over.ts";
import {
  SocketStream,
  socketStream,
} from "../../src/runtime/sockets/socket_stream.ts";
import { Upgrader } from "../../src/server/upgrader.ts";
import type { UpgradeListener } from "../../src/server/upgrader.ts";
import { WIRE_CAPABILITIES } from "../../src/wire/wire_transport.ts";
import type { Carrier } from "../support/http_server.ts";
import {
  connectHttp2,
  openHttp2,
  startHttp2,
} from "../support/http2_server.ts";
import type { Fixture } from "./fixture.ts";
import { RawPeer } from "../support/raw_peer.ts";

/** More than the windows and the buffers of both sides. */
const IN_FLIGHT = 2 ** 20;

/** A connection of `listener()`; and one of `connOver()`, on a bare stream. */
export function overHttp2(
  side: "server" | "client",
  carrier: Carrier,
): Fixture {
  return {
    name: side === "server"
      ? `wire server of listener() over HTTP/2, ${carrier}`
      : `wire client of connOver() over HTTP/2, ${carrier}`,
    engine: "wire",
    side,
    capabilities: WIRE_CAPABILITIES,
    async open(options) {
      const opened = Promise.withResolvers<Conn | http2.ServerHttp2Stream>();
      const listener = side === "server"
        ? new Upgrader(options).listener((conn) => opened.resolve(conn))
        : (_request: unknown, { stream }: http2.Http2ServerResponse) => {
          stream.respond({ ":status": 200 });
          opened.resolve(stream);
        };
      const server = await startHttp2(carrier, listener as UpgradeListener);
      const session = await connectHttp2(carrier, server.port);
      const [stream, there] = await Promise.all([
        openHttp2(session),
        opened.promise,
      ]);
      const [conn, peer] = side === "server"
        ? [there as Conn, new SocketStream(stream)]
        : [
          connOver(socketStream(stream), { side, ...options }),
          new SocketStream(there as http2.ServerHttp2Stream),
        ];
      return {
        conn,
        peer: new RawPeer(peer, side === "server" ? "client" : "server"),
        inFlight: IN_FLIGHT,
        async release() {
          await conn.closed;
          session.destroy();
          await server[Symbol.asyncDispose]();
        },
      };
    },
  };
}
