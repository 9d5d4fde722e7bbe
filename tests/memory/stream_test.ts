/**
 * A large message needs no large memory: server and client in processes of
 * their own. The bench does it with 1 GiB.
 */

import { assert, assertEquals } from "@std/assert";

import { runtime, test } from "../helper.ts";
import { Child } from "../fixtures/child.ts";

const SERVER = new URL("stream_server.ts", import.meta.url);
const CLIENT = new URL("stream_client.ts", import.meta.url);

const MiB = 2 ** 20;
const SIZE = 256 * MiB;

const BOUND = 64 * MiB;
// Pieces that a reader drops are its garbage: V8 collects them when there are
// 64 MiB, outside of its heap, whatever we do.
const READER_BOUND = runtime === "deno" ? 2 * BOUND : BOUND;

interface Case {
  readonly path: "sink" | "source" | "echo";
  readonly what: string;
  readonly server: number;
  readonly client: number;
}

const CASES: readonly Case[] = [
  {
    path: "sink",
    what: "that a client writes in pieces and a server reads in pieces",
    server: READER_BOUND,
    client: BOUND,
  },
  {
    path: "source",
    what: "that a server writes in pieces and a client reads in pieces",
    server: BOUND,
    client: READER_BOUND,
  },
  {
    path: "echo",
    what: "that a server pipes back",
    server: BOUND,
    client: READER_BOUND,
  },
];

for (const { path, what, server: serverBound, client: clientBound } of CASES) {
  test(`a message of 256 MiB ${what} stays out of memory`, async () => {
    await using server = new Child(SERVER, []);
    const port = await server.read();
    await using child = new Child(CLIENT, [String(port), path, String(SIZE)]);
    const { arrived, server: above, client } = await child.read();
    assertEquals(arrived, SIZE);
    assert(above < serverBound, `${above / MiB} MiB on the server`);
    assert(client < clientBound, `${client / MiB} MiB on the client`);
  }, { timeout: 30_000 });
}
