/** A write that still waits below its stream has not been taken. */

import { assert, assertEquals } from "@std/assert";

import { Dialer } from "../../../../src/client/dialer.ts";
import type { NetAddress } from "../../../../src/runtime/sockets/connect.ts";
import {
  SocketStream,
  socketStream,
} from "../../../../src/runtime/sockets/socket_stream.ts";
import { accepting, withServer } from "../../../support/dial_server.ts";
import { deferred, runtime, test } from "../../../support/helper.ts";
import { ca, certificate } from "../../../support/http_server.ts";
import { record, turn, write } from "../../../support/recorder.ts";
import { connect, withPeers } from "../../../support/sockets.ts";
import { withProxy } from "../../../support/proxy_server.ts";

const CHUNK = new Uint8Array(262_144);
// More than the buffers of the system, and those of two proxies.
const BOUND = 64 << 20;

/** Writes until one is not taken, which it returns. */
async function fill(
  write: () => Promise<unknown>,
): Promise<{ last: Promise<unknown> }> {
  for (let bytes = 0; bytes < BOUND; bytes += CHUNK.length) {
    let taken = false;
    const last = write();
    last.then(() => taken = true, () => {});
    for (let turns = 0; turns < 500 && !taken; turns++) await turn();
    if (!taken) return { last };
  }
  throw new Error(`${BOUND} bytes were taken`);
}

test("SocketStream.write() of TLS over a user's duplex waits for the peer", async () => {
  await withPeers("TLS over a stream", async ([server, client]) => {
    const peer = new SocketStream(server);
    peer.pause();
    record(peer);
    const stream = new SocketStream(client);
    record(stream);
    const { last } = await fill(() => write(stream, CHUNK));
    peer.resume();
    assertEquals(await last, undefined);
    assertEquals(await write(stream, CHUNK), undefined);
  });
});

/** Dials a server that reads nothing until it is told to. */
async function stalled(dialer: Dialer): Promise<void> {
  const { promise: told, resolve: tell } = deferred();
  await withServer(async (peer) => {
    await peer.send(await accepting(await peer.readHead()));
    peer.pause();
    await told;
    peer.resume();
    await peer.readRest();
  }, async (url) => {
    const { conn } = await dialer.dial(url);
    try {
      const { last } = await fill(() => conn.writeMessage(2, CHUNK));
      // What is small waits as well.
      let taken = false;
      const small = conn.send("x").then(() => taken = true);
      for (let i = 0; i < 50; i++) await turn();
      assert(!taken);
      tell();
      await last;
      await small;
    } finally {
      tell();
      conn.terminate();
    }
  }, { tls: certificate });
}

const tls = { ca };

test("Dialer's writes wait for the peer, over a netDial's stream", () =>
  stalled(
    new Dialer({
      tls,
      netDial: async ({ port }: NetAddress) =>
        socketStream(await connect(port)),
    }),
  ));

// On Deno a proxy of node:tls takes all that comes, whatever waits behind it.
for (const secure of runtime === "bun" ? [false, true] : [false]) {
  const name = secure ? "a proxy over TLS" : "a proxy";
  test(`Dialer's writes wait for the peer, through ${name}`, () =>
    withProxy(({ address }) => {
      const proxy = `${secure ? "https" : "http"}://${address}`;
      return stalled(new Dialer({ tls, proxy }));
    }, secure ? certificate : undefined));
}
