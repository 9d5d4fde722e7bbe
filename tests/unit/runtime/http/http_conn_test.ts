/** Every state of a connection that speaks HTTP ends, and none too early. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import type { RawPeer } from "../../../../src/testing/raw_peer.ts";
import type { ServeOptions } from "../../../../src/server/serve.ts";
import { connectRaw, head } from "../../../support/http_server.ts";
import { portOf, serveAt, WIRE_PLACES } from "../../../support/servers.ts";
import { deferred, test } from "../../../support/helper.ts";
import { until } from "../../../suite/fixture.ts";

const MiB = 2 ** 20;
/** Of a server that is to run into it. */
const SHORT = 1000;

interface Client {
  readonly peer: RawPeer;
  /** Another one of the same server. */
  connect(): Promise<RawPeer>;
}

/** A test with a server whose requests go to `fetch`, and a peer of it. */
function onWire(
  name: string,
  fetch: NonNullable<ServeOptions["fetch"]>,
  fn: (client: Client) => Promise<void>,
  options: { handshakeTimeout?: number; places?: typeof WIRE_PLACES } = {},
): void {
  const { handshakeTimeout = SHORT, places = WIRE_PLACES } = options;
  for (const place of places) {
    test(`${name}; ${place.name}`, async () => {
      await using server = await serveAt(place, () => {}, {
        fetch,
        upgrader: { handshakeTimeout },
      });
      const peers: RawPeer[] = [];
      const connect = async () => {
        const peer = await connectRaw(place.carrier, portOf(server));
        peers.push(peer);
        return peer;
      };
      try {
        await fn({ peer: await connect(), connect });
      } finally {
        for (const peer of peers) {
          peer.destroy();
          await peer.closed;
        }
      }
    });
  }
}

/** Some milliseconds, of what is slow. */
function slowly(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Sends again and again until the server has ended the connection. */
async function trickle(peer: RawPeer, what: string): Promise<void> {
  const timer = setInterval(() => peer.send(what), SHORT / 20);
  await peer.ended;
  clearInterval(timer);
}

const LENGTH = "Content-Length: 1000000";
const CHUNKED = "Transfer-Encoding: chunked";
const BODIES: readonly [what: string, request: string, more: string][] = [
  ["a body of known length", head("POST / HTTP/1.1", "Host: a", LENGTH), "x"],
  ["the body of a GET", head("GET / HTTP/1.1", "Host: a", LENGTH), "x"],
  [
    "the body of a request without a Host",
    head("POST / HTTP/1.1", LENGTH),
    "x",
  ],
  [
    "the body of an unknown expectation",
    head("POST / HTTP/1.1", "Host: a", "Expect: more", LENGTH),
    "x",
  ],
  [
    "chunks",
    head("POST / HTTP/1.1", "Host: a", CHUNKED),
    "1\r\nx\r\n",
  ],
  [
    "a chunk's extension",
    head("POST / HTTP/1.1", "Host: a", CHUNKED) + "5;",
    "x",
  ],
  [
    "trailers",
    head("POST / HTTP/1.1", "Host: a", CHUNKED) + "0\r\n",
    "a: b\r\n",
  ],
  ["empty lines", head("GET / HTTP/1.1", "Host: a"), "\r\n"],
];

onWire(
  "what trickles in behind an answer ends",
  () => new Response("Hello"),
  async ({ connect }) => {
    await Promise.all(BODIES.map(async ([what, request, more]) => {
      const peer = await connect();
      peer.send(request);
      assertStringIncludes(await peer.readHead(), "HTTP/1.1 ", what);
      await trickle(peer, more);
    }));
  },
);

onWire("a connection without another request ends", () => {
  return new Response("Hello", { headers: { "Content-Length": "5" } });
}, async ({ peer }) => {
  for (let i = 0; i < 2; i++) {
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    await peer.readHead();
    await peer.readBytes(5);
  }
  await peer.ended;
});

onWire(
  "a body that fetch waits for ends",
  async (request) => {
    const failure = request.text().catch((error: unknown) => error);
    read.resolve(await failure);
    return new Response();
  },
  async ({ connect }) => {
    for (const more of ["", "x"]) {
      read = deferred();
      const peer = await connect();
      peer.send(head("POST / HTTP/1.1", "Host: a", LENGTH));
      await trickle(peer, more);
      assert(await read.promise instanceof Error);
    }
  },
  { handshakeTimeout: 150, places: WIRE_PLACES.slice(0, 1) },
);
let read = deferred<unknown>();

const LARGE: readonly [what: string, () => BodyInit][] = [
  ["bytes", () => new Uint8Array(32 * MiB)],
  ["text", () => "x".repeat(32 * MiB)],
  [
    "a stream",
    () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1000)),
      }),
  ],
];

let large: () => BodyInit;
let aborted = 0;
onWire(
  "an answer that nobody reads ends",
  (request) => {
    request.signal.addEventListener("abort", () => aborted++);
    return new Response(large());
  },
  async ({ connect }) => {
    for (const [what, body] of LARGE) {
      large = body;
      aborted = 0;
      const peer = await connect();
      peer.pause();
      peer.send(head("GET / HTTP/1.1", "Host: a"));
      await until(() => aborted === 1, `the end of ${what}`);
      peer.destroy();
    }
  },
);

onWire(
  "answers that nobody reads end, however small",
  (request) => {
    request.signal.addEventListener("abort", () => aborted++);
    return new Response(new Uint8Array(MiB / 4));
  },
  async ({ peer }) => {
    aborted = 0;
    peer.pause();
    peer.send(head("GET / HTTP/1.1", "Host: a").repeat(60));
    await until(() => aborted > 0, "the end of an answer");
  },
);

onWire(
  "an answer that is read slowly is sent whole",
  () =>
    new Response(new Uint8Array(7 * MiB), {
      headers: { "Content-Length": `${7 * MiB}` },
    }),
  async ({ peer }) => {
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    await peer.readHead();
    // In all longer than the time for a part.
    for (let i = 0; i < 7; i++) {
      peer.pause();
      await slowly(SHORT / 5);
      peer.resume();
      await peer.readBytes(MiB);
    }
  },
);

onWire(
  "an answer that takes its time is waited for",
  async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/late") await slowly(2 * SHORT);
    if (pathname === "/large") return new Response(new Uint8Array(MiB));
    return new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(5));
          await slowly(2 * SHORT);
          controller.close();
        },
      }),
    );
  },
  async ({ peer }) => {
    // The large one stands behind the late one, and is not to be cut for it.
    peer.send(
      head("GET /late HTTP/1.1", "Host: a") +
        head("GET /large HTTP/1.1", "Host: a", "Connection: close"),
    );
    const { length } = await peer.readRest();
    assert(length > MiB, `${length} bytes`);
  },
);

onWire(
  "requests one after the other are served for as long as they come",
  () => new Response("Hello", { headers: { "Content-Length": "5" } }),
  async ({ peer }) => {
    for (let i = 0; i < 7; i++) {
      peer.send(head("POST / HTTP/1.1", "Host: a", "Content-Length: 3"));
      await slowly(SHORT / 5);
      peer.send("abc");
      assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
      assertEquals((await peer.readBytes(5)).length, 5);
    }
  },
);

onWire(
  "the longest of times is not taken for none",
  () => new Response("Hello", { headers: { "Content-Length": "5" } }),
  async ({ peer }) => {
    for (let i = 0; i < 2; i++) {
      peer.send(head("GET / HTTP/1.1", "Host: a"));
      assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
      await peer.readBytes(5);
      await slowly(30);
    }
  },
  { handshakeTimeout: 2 ** 31 - 1 },
);
