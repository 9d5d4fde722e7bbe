/**
 * Subscribers that read nothing cost what their limits allow, and what all of
 * them are sent is kept once.
 */

import { assert, assertEquals } from "@std/assert";

import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import { rawDial } from "../../../src/testing/mod.ts";
import { commandOf, Program } from "../../support/child.ts";
import { runtime, test } from "../../support/helper.ts";

const SERVER = new URL("topic_server.ts", import.meta.url);

const MiB = 2 ** 20;
const READERS = 200;
const TRAFFIC = 20 * MiB;
const LIMIT = 256 * 1024;
const BOUND = READERS * LIMIT + 32 * MiB;

for (const engine of ["wire", "native"] as const) {
  for (const slow of ["cut", "skip"] as const) {
    // Deno's own socket cannot be cut: what it has been given stays.
    const lacks = engine === "native" && runtime === "deno"
      ? "terminate"
      : undefined;
    test(
      `200 stalled readers with slow: "${slow}" stay within their limits on ${engine}`,
      async () => {
        const command = commandOf(SERVER, [engine, slow, String(LIMIT)]);
        await using server = new Program(command);
        const url = `ws://127.0.0.1:${await server.readLine()}/`;
        const peers: RawPeer[] = [];
        try {
          const dial = async () => {
            const { peer } = await rawDial(url);
            peers.push(peer);
            await peer.expectFrame({ opcode: 1, payload: "subscribed" });
            peer.pause();
          };
          await Promise.all(Array.from({ length: READERS }, dial));
          const question = String(TRAFFIC / 1024);
          const answer = await server.ask(60_000, question);
          const { above, left } = JSON.parse(answer);
          assert(above < BOUND, `${above / MiB} MiB`);
          assertEquals(left, slow === "cut" ? 0 : READERS);
        } finally {
          for (const peer of peers) peer.destroy();
        }
      },
      { lacks, timeout: 60_000 },
    );
  }
}
