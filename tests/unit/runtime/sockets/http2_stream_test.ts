/** `connOver(socketStream(stream))` on bare streams of HTTP/2. */

import type { ServerHttp2Stream } from "node:http2";

import { assertEquals } from "@std/assert";

import type { Conn } from "../../../../src/conn/conn.ts";
import { connOver } from "../../../../src/conn_over.ts";
import { socketStream } from "../../../../src/runtime/sockets/socket_stream.ts";
import { deferred, hex } from "../../../support/helper.ts";
import type { Http2Peer } from "../../../support/http2_peer.ts";
import {
  connectHttp2,
  onHttp2,
  openHttp2,
  startHttp2,
} from "../../../support/http2_server.ts";

/** Answers a stream by hand, as a server without an Upgrader does. */
async function bare(
  carrier: "TCP" | "TLS",
  fn: (conn: Conn, peer: Http2Peer, stream: number) => Promise<void>,
): Promise<void> {
  const opened = deferred<Conn>();
  await using server = await startHttp2(carrier, undefined);
  server.server.on("connect", (_request, { stream }) => {
    stream.respond({ ":status": 200 });
    opened.resolve(connOver(socketStream(stream), { side: "server" }));
  });
  const peer = await server.connect();
  const stream = peer.connect();
  assertEquals(await peer.status(stream), 200);
  await fn(await opened.promise, peer, stream);
}

onHttp2(
  "socketStream() of a server's stream ends it for its client",
  async (carrier) => {
    await bare(carrier, async (conn, peer, stream) => {
      peer.data(stream, hex("88 82 00000000 03e8"));
      assertEquals(await peer.rest(stream), [
        hex("88 02 03e8"),
        ["END_STREAM", "RST 0"],
      ]);
      assertEquals((await conn.closed).wasClean, true);
    });
  },
);

onHttp2("socketStream() of a server's stream cancels it", async (carrier) => {
  await bare(carrier, async (conn, peer, stream) => {
    conn.terminate();
    assertEquals(await peer.rest(stream), [hex(""), ["RST 8"]]);
    assertEquals((await conn.closed).code, 1006);
  });
});

onHttp2(
  "socketStream() of a client's stream cancels and ends it",
  async (carrier) => {
    const streams: ServerHttp2Stream[] = [];
    await using server = await startHttp2(carrier, undefined);
    server.server.on("connect", (_request, { stream }) => {
      streams.push(stream);
      stream.on("error", () => {});
      stream.respond({ ":status": 200 });
      stream.resume();
    });
    const session = await connectHttp2(carrier, server.port);
    for (const code of [8, 0]) {
      const stream = socketStream(await openHttp2(session));
      const { hostname } = stream.remoteAddr as { hostname: string };
      assertEquals(hostname, "127.0.0.1");
      const conn = connOver(stream, { side: "client" });
      const there = streams.at(-1)!;
      const closed = deferred();
      there.on("close", () => closed.resolve());
      if (code === 8) conn.terminate();
      else {
        // The server's close frame and END_STREAM: the client answers both.
        there.end(hex("88 02 03e8"));
        assertEquals((await conn.closed).wasClean, true);
      }
      await closed.promise;
      assertEquals(there.rstCode, code);
      await conn.closed;
    }
    session.destroy();
  },
);
