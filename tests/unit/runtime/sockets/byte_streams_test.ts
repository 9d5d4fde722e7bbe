import { once } from "node:events";
import type net from "node:net";
import tls from "node:tls";

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { byteStreams } from "../../../../src/runtime/sockets/byte_streams.ts";
import { socketStream } from "../../../../src/runtime/sockets/socket_stream.ts";
import { hex, test, withTimeout } from "../../../support/helper.ts";
import { ca, startHttp } from "../../../support/http_server.ts";
import { withRelay, withSockets } from "../../../support/sockets.ts";

// What may be under way to somebody who reads nothing.
const BOUND = 16 * 2 ** 20;
const CHUNK = new Uint8Array(65_536);

/** How many bytes go until a write waits for good. */
async function taken(write: () => Promise<unknown>): Promise<number> {
  let bytes = 0;
  while (bytes <= 2 * BOUND) {
    const written = await Promise.race([
      write().then(() => true, () => true),
      new Promise<false>((resolve) => setTimeout(resolve, 300, false)),
    ]);
    if (!written) return bytes;
    bytes += CHUNK.length;
  }
  return bytes;
}

/** A write of a node socket, done when the system has taken it. */
function send(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.write(CHUNK, () => resolve()));
}

test("byteStreams() carries bytes both ways, and each direction ends apart", async () => {
  await withSockets(async (ours, theirs) => {
    const { readable, writable } = byteStreams(ours);
    const received = Array.fromAsync(readable);
    const writer = writable.getWriter();
    theirs.end("Hello");
    assertEquals(
      new TextDecoder().decode(await new Blob(await received).arrayBuffer()),
      "Hello",
    );
    // Its own direction is open still.
    const echoed = new Promise<string>((resolve) => {
      let text = "";
      theirs.on("data", (data) => text += data);
      theirs.on("end", () => resolve(text));
    });
    await writer.write(hex("61 62"));
    await writer.write(hex(""));
    await writer.write(hex("63"));
    await writer.close();
    assertEquals(await echoed, "abc");
  });
});

test("byteStreams() waits for a peer that reads nothing", async () => {
  await withSockets(async (ours, theirs) => {
    theirs.pause();
    const writer = byteStreams(ours).writable.getWriter();
    const bytes = await taken(() => writer.write(CHUNK));
    assert(bytes < BOUND, `${bytes} bytes were taken`);
    writer.abort().catch(() => {});
  });
});

test("byteStreams() stops a peer while nobody reads", async () => {
  await withSockets(async (ours, theirs) => {
    const { readable } = byteStreams(ours);
    const bytes = await taken(() => send(theirs));
    assert(bytes < BOUND, `${bytes} bytes were taken`);
    // And nothing is lost of it.
    let read = 0;
    const reader = readable.getReader();
    while (read < bytes) read += (await reader.read()).value!.length;
    await reader.cancel();
  });
});

test("byteStreams() errors both directions where the socket fails", async () => {
  await withSockets(async (ours, theirs) => {
    const { readable, writable } = byteStreams(ours);
    const reader = readable.getReader();
    const writer = writable.getWriter();
    const read = assertRejects(() => reader.read());
    const closed = assertRejects(() => writer.closed);
    theirs.resetAndDestroy();
    await Promise.all([read, closed]);
  });
});

test("byteStreams() errors both directions at a broken record of TLS", async () => {
  await using server = await startHttp("TLS", () => {});
  await withRelay(server.port, async (relay) => {
    const socket = tls.connect({ port: relay.port, host: "127.0.0.1", ca });
    await once(socket, "secureConnect");
    const { readable, writable } = byteStreams(socket);
    const read = assertRejects(() => readable.getReader().read());
    const closed = assertRejects(() => writable.getWriter().closed);
    relay.client.write("This is no record of TLS");
    await withTimeout(Promise.all([read, closed]), 5_000, "the errors");
  });
});

test("byteStreams() destroys the socket when it is canceled or aborted", async () => {
  for (const way of ["cancel", "abort"] as const) {
    await withSockets(async (ours, theirs) => {
      const { readable, writable } = byteStreams(ours);
      const over = new Promise((resolve) => ours.on("close", resolve));
      theirs.resume();
      if (way === "cancel") await readable.cancel();
      else await writable.abort(new Error("Enough")).catch(() => {});
      await over;
    });
  }
});

test("byteStreams() aborts a write that a peer keeps for ever", async () => {
  await withSockets(async (ours, theirs) => {
    theirs.pause();
    const writer = byteStreams(ours).writable.getWriter();
    await taken(() => writer.write(CHUNK));
    const over = new Promise((resolve) => ours.on("close", resolve));
    writer.abort().catch(() => {});
    await over;
  });
});

test("byteStreams() takes bytes alone, and a socket once", async () => {
  await withSockets(async (ours) => {
    const { writable } = byteStreams(ours);
    const error = assertThrows(() => byteStreams(ours), DOMException);
    assertEquals(error.name, "InvalidStateError");
    assertThrows(() => socketStream(ours), DOMException);
    await assertRejects(
      () => writable.getWriter().write("text" as never),
      TypeError,
    );
  });
});

test("byteStreams() refuses bytes that have been transferred away", async () => {
  await withSockets(async (ours) => {
    const over = new Promise((resolve) => ours.on("close", resolve));
    const writer = byteStreams(ours).writable.getWriter();
    writer.closed.catch(() => {});
    const bytes = hex("01 02");
    bytes.buffer.transfer();
    await assertRejects(
      () => writer.write(bytes),
      TypeError,
      "have been transferred away",
    );
    await over;
  });
});
