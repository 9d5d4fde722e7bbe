/** Attacks on the memory of a server, which is a process of its own. */

import { constants, deflateRawSync } from "node:zlib";

import { assert, assertEquals } from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import { encodeRawFrame } from "../../../src/testing/raw_frame.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import { emptyDynamicBlocks } from "../../unit/deflate/samples.ts";
import { Child } from "../../support/child.ts";
import {
  concat,
  connectRaw,
  head,
  UPGRADE,
} from "../../support/http_server.ts";
import { maskedFrame } from "../../support/raw_peer.ts";
import { hex, runtime, test } from "../../support/helper.ts";
import { turn } from "../../suite/fixture.ts";
import { assertServes, statusOf } from "./attack.ts";

const VICTIM = new URL("victim.ts", import.meta.url);
const MiB = 2 ** 20;

// What a process grows by without any attack: its heap, and what the garbage
// collector has not come to. An attack that succeeds costs more.
const NOISE = 96 * MiB;

/** A server under attack. */
interface Victim {
  readonly port: number;
  /** Upgrades, and offers compression; the peer plays the client. */
  attack(path: string): Promise<RawPeer>;
  /** What a path of it tells. */
  // deno-lint-ignore no-explicit-any -- whatever it tells
  ask(path: string): Promise<any>;
}

const OFFER = "Sec-WebSocket-Extensions: permessage-deflate";
const BUN = runtime === "bun" ? ["native"] as const : [];

/** Registers an attack, and the most bytes that it may cost beside the noise. */
function attack(
  row: number,
  what: string,
  bound: number,
  fn: (victim: Victim) => Promise<void>,
  engines: readonly ("wire" | "native")[] = ["wire"],
): void {
  for (const engine of engines) {
    const where = engine === "wire" ? "wire" : `native on ${runtime}`;
    test(`security ${row}: ${what}; ${where}`, async () => {
      await using child = new Child(VICTIM, [engine]);
      const port = await child.read();
      const url = `ws://127.0.0.1:${port}`;
      const peers: RawPeer[] = [];
      const victim: Victim = {
        port,
        async attack(path) {
          const peer = await connectRaw("TCP", port);
          peers.push(peer);
          const lines = UPGRADE.slice(1);
          peer.send(head(`GET ${path} HTTP/1.1`, ...lines, OFFER));
          const answer = await peer.readHead();
          assertEquals(statusOf(answer), 101, answer);
          return peer;
        },
        async ask(path) {
          const { conn } = await new Dialer().dial(url + path);
          const answer = await conn.readJSON();
          await conn.close();
          return answer;
        },
      };
      await victim.ask("/start");
      try {
        await fn(victim);
        const peak = await victim.ask("/peak");
        assert(peak < bound + NOISE, `${peak / MiB} MiB more`);
        await assertServes(`${url}/echo`);
      } finally {
        for (const peer of peers) {
          peer.destroy();
          await peer.closed;
        }
      }
    }, { timeout: 30_000 });
  }
}

/** The same bytes, so many times. */
function repeat(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return all;
}

/** Sends bytes so many times, or until the victim takes no more. */
async function sendUntilBlocked(
  peer: RawPeer,
  bytes: Uint8Array,
  count: number,
): Promise<void> {
  let sent = 0;
  for (let i = 0; i < count; i++) peer.send(bytes).then(() => sent++, () => {});
  for (let before = -1; sent < count && before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A message of permessage-deflate: whole, or its first frame. */
function compressed(data: Uint8Array, fin = true): Uint8Array {
  return encodeRawFrame({ opcode: 2, rsv: 4, fin, payload: data }, "client");
}

/** What a message of zeros is compressed to. */
function bomb(size: number): Uint8Array {
  // Without the end of a last block, which all messages share.
  const finishFlush = constants.Z_SYNC_FLUSH;
  return deflateRawSync(new Uint8Array(size), { finishFlush }).subarray(0, -4);
}

const FRAGMENTS = 1_000_000;

attack(5, "a million tiny fragments", MiB, async ({ attack }) => {
  for (const payload of ["a", ""]) {
    const peer = await attack("/sizes");
    peer.send(maskedFrame(2, "", false));
    const part = repeat(maskedFrame(0, payload, false), FRAGMENTS / 100);
    for (let i = 0; i < 100; i++) await peer.send(part);
    peer.send(maskedFrame(0, ""));
    const size = payload.length * FRAGMENTS;
    await peer.expectFrame({ opcode: 1, payload: `${size}` });
  }
}, ["wire", ...BUN]);

attack(5, "tiny chunks, and compressed fragments", MiB, async ({ attack }) => {
  const peer = await attack("/sizes");
  const frame = maskedFrame(2, new Uint8Array(2_000));
  for (const byte of frame) await peer.send(new Uint8Array([byte]));
  await peer.expectFrame({ opcode: 1, payload: "2000" });

  // What does not shrink has as many bytes as it had.
  const noise = crypto.getRandomValues(new Uint8Array(50_000));
  const data = deflateRawSync(noise, { finishFlush: constants.Z_SYNC_FLUSH });
  const fragments = Array.from(
    data.subarray(0, -4),
    (byte) => maskedFrame(0, new Uint8Array([byte]), false),
  );
  peer.send(compressed(new Uint8Array(0), false));
  for (const fragment of fragments.slice(0, 1000)) await peer.send(fragment);
  await peer.send(concat(...fragments.slice(1000)));
  peer.send(maskedFrame(0, ""));
  await peer.expectFrame({ opcode: 1, payload: "50000" });
}, ["wire", ...BUN]);

attack(6, "messages over the limit", 8 * MiB, async ({ attack }) => {
  const peer = await attack("/sizes");
  peer.send(maskedFrame(2, "", false));
  const fragment = maskedFrame(0, new Uint8Array(65_536), false);
  for (let i = 0; i < 1024; i++) peer.send(fragment);
  await peer.expectClose(1009);
  const other = await attack("/sizes");
  other.send(maskedFrame(2, new Uint8Array(MiB + 1)));
  await other.expectClose(1009);
}, ["wire", ...BUN]);

// Deno's own counts a message when it is whole.
attack(6, "a message over the limit", 8 * MiB, async ({ attack }) => {
  const peer = await attack("/sizes");
  peer.send(maskedFrame(2, new Uint8Array(MiB + 1)));
  await peer.expectClose(1009);
}, runtime === "deno" ? ["native"] : []);

attack(6, "messages that nobody reads", MiB, async ({ attack }) => {
  const message = maskedFrame(2, new Uint8Array(100_000));
  const small = repeat(maskedFrame(2, new Uint8Array(10)), 10_000);
  await Promise.all([message, small].map(async (bytes) => {
    await sendUntilBlocked(await attack("/deaf"), bytes, 320);
  }));
}, ["wire", ...BUN]);

attack(6, "messages that keep their chunks", 24 * MiB, async ({ attack }) => {
  const message = maskedFrame(2, new Uint8Array(300));
  const pong = maskedFrame(10, new Uint8Array(125));
  // As much as is read at once, or several times that.
  const part = concat(message, repeat(pong, 480));
  const sparse = concat(part, part, part, part);
  await Promise.all(Array.from({ length: 16 }, async () => {
    await sendUntilBlocked(await attack("/deaf"), sparse, 80);
  }));
});

// Deno's own holds up to the read limit, then cuts.
attack(6, "messages that nobody reads", 8 * MiB, async ({ attack }) => {
  const peer = await attack("/deaf");
  await sendUntilBlocked(peer, maskedFrame(2, new Uint8Array(100_000)), 320);
  await peer.ended;
}, runtime === "deno" ? ["native"] : []);

attack(8, "bombs", 16 * MiB, async ({ attack }) => {
  for (const data of [bomb(8 * MiB), bomb(128 * MiB)]) {
    const half = data.length >> 1;
    for (
      const frames of [
        [compressed(data)],
        [
          compressed(data.subarray(0, half), false),
          maskedFrame(0, data.subarray(half)),
        ],
        // In the window of a message before.
        [compressed(bomb(40_000)), compressed(data)],
        // It need not even be whole.
        [compressed(data.subarray(0, half), false)],
      ]
    ) {
      const peer = await attack("/sizes");
      for (const frame of frames) peer.send(frame);
      if (frames.length === 2 && frames[0]!.length < 100) {
        await peer.expectFrame({ payload: "40000" });
      }
      await peer.expectClose(1009);
    }
  }
  const peer = await attack("/sizes");
  // Empty blocks come to nothing, however many they are.
  const blocks = repeat(hex("00 00 00 ff ff"), 20_000);
  peer.send(compressed(blocks, false));
  for (let i = 0; i < 40; i++) await peer.send(maskedFrame(0, blocks, false));
  peer.send(maskedFrame(0, hex("00")));
  await peer.expectFrame({ payload: "0" });
  // As large as the limit.
  for (let i = 0; i < 3; i++) {
    peer.send(compressed(bomb(MiB)));
    await peer.expectFrame({ payload: `${MiB}` });
  }
  peer.send(compressed(bomb(MiB + 1)));
  await peer.expectClose(1009);
});

attack(8, "blocks that come to nothing", MiB, async ({ attack }) => {
  const finals = await attack("/sizes");
  // A zlib context for two bytes.
  finals.send(compressed(repeat(hex("03 00"), 500_000)));
  await finals.expectClose(1007);
  // Each empty block is as good as none, in any number of fragments.
  for (
    const blocks of [
      repeat(hex("00 00 00 ff ff"), 20_000),
      emptyDynamicBlocks(90_001).subarray(0, -1),
    ]
  ) {
    const peer = await attack("/sizes");
    peer.send(compressed(blocks, false));
    await sendUntilBlocked(peer, maskedFrame(0, blocks, false), 400);
    await peer.expectClose(1009);
  }
});

attack(8, "bombs that are whole", 16 * MiB, async ({ attack }) => {
  for (const size of [MiB + 1, 32 * MiB]) {
    const peer = await attack("/sizes");
    peer.send(compressed(bomb(MiB)));
    await peer.expectFrame({ payload: `${MiB}` });
    peer.send(compressed(bomb(size)));
    await peer.expectClose(1009);
  }
}, BUN);

attack(22, "a peer that reads nothing", 24 * MiB, async ({ attack, ask }) => {
  for (let i = 0; i < 2; i++) {
    const peer = await attack("/flood");
    peer.pause();
    // It is cut: nothing is left but who asks.
    await ask("/left");
    peer.destroy();
  }
}, ["wire", "native"]);

attack(23, "150,000 pings, unread pongs", MiB, async ({ attack, ask }) => {
  const peer = await attack("/collecting");
  peer.pause();
  const ping = repeat(maskedFrame(9, new Uint8Array(125)), 1500);
  for (let i = 0; i < 100; i++) await peer.send(ping);
  peer.send(maskedFrame(1, "end"));
  await ask("/heard");
  peer.resume();
  let pongs = 0;
  for (;;) {
    const { opcode } = await peer.readFrame();
    if (opcode !== 10) break;
    pongs++;
  }
  // Those that the system's buffers hold, and the latest.
  assert(pongs < 100_000, `${pongs} pongs`);
});

attack(
  36,
  "peers that vanish in the midst",
  MiB,
  async ({ port, attack, ask }) => {
    const begun = deflateRawSync(
      crypto.getRandomValues(new Uint8Array(10_000)),
    );
    const vanish = async () => {
      for (let i = 0; i < 25; i++) {
        const half = await connectRaw("TCP", port);
        half.send(head(...UPGRADE).slice(0, 60));
        const message = await attack("/echo");
        message.send(compressed(begun.subarray(0, 5000), false));
        const frame = await attack("/echo");
        frame.send(compressed(begun).subarray(0, 5000));
        const deaf = await attack("/deaf");
        for (let j = 0; j < 10; j++) deaf.send(compressed(bomb(100_000)));
        for (let j = 0; j < 2; j++) await turn();
        for (const peer of [half, message, frame, deaf]) {
          peer.reset();
          await peer.closed;
        }
      }
      return await ask("/left");
    };
    await vanish();
    const before = await vanish();
    const after = await vanish();
    assertEquals([after.contexts, after.conns], [0, 1]);
    const grown = after.heap - before.heap;
    // Of 75 connections; a context alone has 300 KiB.
    assert(grown < 4 * MiB, `the heap has grown by ${grown} bytes`);
  },
);
