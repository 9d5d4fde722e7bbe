import https from "node:https";
import type { Socket } from "node:net";
import tls from "node:tls";

import { assert, assertEquals } from "@std/assert";

import { SocketStream } from "../../../../src/runtime/sockets/socket_stream.ts";
import { allowEmptyWrites } from "../../../../src/runtime/quirks/tls_flow.ts";
import { ca, certificate } from "../../../support/http_server.ts";
import { deferred, hex, test } from "../../../support/helper.ts";
import { turn } from "../../../suite/fixture.ts";
import { record } from "../../../support/recorder.ts";
import { listen } from "../../../support/sockets.ts";

const MiB = 2 ** 20;

/** Both ends of a TLS connection. */
async function withTLS(
  fn: (server: Socket, client: Socket) => Promise<void>,
): Promise<void> {
  const listener = https.createServer(certificate);
  const accepted = deferred<Socket>();
  listener.on("upgrade", (_request, socket) => {
    socket.on("error", () => {});
    accepted.resolve(socket as Socket);
  });
  const port = await listen(listener);
  const client = tls.connect({ port, host: "127.0.0.1", ca });
  client.on("error", () => {});
  client.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n",
  );
  const server = await accepted.promise;
  try {
    await fn(server, client);
  } finally {
    server.destroy();
    client.destroy();
    listener.close();
  }
}

for (const paused of ["the server", "the client"] as const) {
  test(`a TLS connection that ${paused} has paused is read no more`, async () => {
    await withTLS(async (server, client) => {
      const [reader, writer] = paused === "the server"
        ? [server, client]
        : [client, server];
      const stream = new SocketStream(reader);
      const here = record(stream);
      stream.pause();
      await turn();
      let taken = 0;
      const writeMore = () => {
        if (taken === 64 * MiB) return;
        writer.write(new Uint8Array(MiB), () => {
          taken += MiB;
          writeMore();
        });
      };
      writeMore();
      for (let before = -1; before !== taken;) {
        before = taken;
        for (let i = 0; i < 50; i++) await turn();
      }
      assert(taken < 32 * MiB, `${taken} bytes were taken`);
      stream.resume();
      await here.untilLength(64 * MiB);
    });
  });
}

test("allowEmptyWrites() lets what follows a write of nothing through", async () => {
  await withTLS(async (server, client) => {
    allowEmptyWrites(server);
    const here = record(new SocketStream(client));
    const { promise, resolve } = deferred();
    server.write(hex("01"));
    server.write(hex(""), () => resolve());
    await promise;
    server.write("");
    server.write(hex("02"));
    await here.untilLength(2);
    assertEquals(here.bytes, hex("01 02"));
  });
});
