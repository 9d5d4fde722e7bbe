/** What a hub's heartbeat costs the others does not grow with their topics. */

import { assertEquals } from "@std/assert";

import { writeBeat } from "../../../src/pubsub/envelope.ts";
import { test } from "../../support/helper.ts";
import { MemoryBroker } from "../../unit/pubsub/memory_broker.ts";
import { Server } from "../../unit/pubsub/memory_server.ts";
import { countWork, type Work } from "./work.ts";

/** Hears heartbeats of another hub, with so many topics. */
async function hearBeats(topics: number): Promise<Work> {
  await using server = new Server(new MemoryBroker(), { heartbeat: 60_000 });
  await server.hub.ready;
  for (let i = 0; i < topics; i++) {
    await server.hub.subscribe(`${i}`, server.listener);
  }
  const { message } = server.client.channels.get("ws!")!;
  return await countWork(() => {
    for (let beat = 1; beat <= 10; beat++) {
      const [text] = writeBeat({
        hub: "other",
        beat,
        heartbeat: 60_000,
        epoch: beat,
        marks: [],
      });
      message(text!);
    }
  });
}

test("Hub hears the heartbeats of others in the same work for any number of topics", async () => {
  assertEquals(await hearBeats(1_000), await hearBeats(1));
});
