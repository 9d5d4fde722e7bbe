/**
 * A large message needs no large memory: server and client in processes of
 * their own. The bench does it with 1 GiB.
 */

import { assert, assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";
import { Child } from "../../support/child.ts";

const SERVER = new URL("stream_server.ts", import.meta.url);
const CLIENT = new URL("stream_client.ts", import.meta.url);

const MiB = 2 ** 20;
const SIZE = 256 * MiB;
const BOUND = 64 * MiB;

const CASES: Record<string, string> = {
  sink: "that a client writes in pieces and a server reads in pieces",
  source: "that a server writes in pieces and a client reads in pieces",
  echo: "that a server pipes back",
};

for (const [path, what] of Object.entries(CASES)) {
  test(`a message of 256 MiB ${what} stays out of memory`, async () => {
    await using server = new Child(SERVER, []);
    const port = await server.read();
    await using child = new Child(CLIENT, [String(port), path, String(SIZE)]);
    const { arrived, server: above, client } = await child.read();
    assertEquals(arrived, SIZE);
    assert(above < BOUND, `${above / MiB} MiB on the server`);
    assert(client < BOUND, `${client / MiB} MiB on the client`);
  }, { timeout: 30_000 });
}
