/** Who stands below TLS, and writes what is no record of it. */

import { assertEquals, assertInstanceOf } from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import { CloseError } from "../../../src/close.ts";
import { withTimeout } from "../../support/helper.ts";
import {
  ca,
  connectRaw,
  gone,
  head,
  UPGRADE,
} from "../../support/http_server.ts";
import { withRelay } from "../../support/sockets.ts";
import { turn } from "../../suite/fixture.ts";
import { attack, statusOf, WIRE } from "./attack.ts";

const TLS = WIRE.filter(({ carrier }) => carrier === "TLS");
const NO_RECORD = "This is no record of TLS";

for (const side of ["server", "client"] as const) {
  attack(91, `a broken record to the ${side}`, async ({ port, accept }) => {
    await withRelay(port, async (relay) => {
      const url = `wss://127.0.0.1:${relay.port}/`;
      const { conn } = await new Dialer({ tls: { ca } }).dial(url);
      const victim = side === "server" ? await accept() : conn;
      const read = victim.readMessage().catch((error: unknown) => error);
      relay[side].write(NO_RECORD);
      const { code } = await withTimeout(victim.closed, 5_000, "the end");
      assertEquals(code, 1006);
      assertInstanceOf(await read, CloseError);
      await withTimeout(gone(relay[side]), 5_000, "the end of the socket");
      conn.terminate();
    });
  }, { places: TLS });
}

attack(91, "a broken record behind a refusal", async ({ port }) => {
  await withRelay(port, async (relay) => {
    const peer = await connectRaw("TLS", relay.port);
    peer.send(head(...UPGRADE, "Origin: https://evil.example"));
    assertEquals(statusOf(await peer.readHead()), 403);
    const over = withTimeout(gone(relay.server), 5_000, "the end");
    // Behind the server's FIN, only what is written sees the socket's end.
    while (!relay.server.destroyed) {
      relay.server.write(NO_RECORD);
      await Promise.race([turn(), over]);
    }
    peer.destroy();
    await peer.closed;
  });
}, { places: TLS });
