/** What the application gives, and what it is shown of a peer. */

import { assert, assertEquals, assertThrows } from "@std/assert";

import { CloseError } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { head, UPGRADE } from "../../support/http_server.ts";
import { closePayload } from "../../support/raw_peer.ts";
import { hex, runtime } from "../../support/helper.ts";
import { attack, EVERYWHERE, headerOf, native, TCP, WIRE } from "./attack.ts";

/** Not what it should be, in the eyes of the type checker. */
// deno-lint-ignore no-explicit-any -- of any type
function wrong(value: unknown): any {
  return value;
}

async function nameOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return "none";
  } catch (error) {
    return (error as Error).name;
  }
}

// What has once sent memory that was never written.
const WRONG: readonly unknown[] = [
  100,
  { length: 100 },
  new Uint16Array(8),
  new Float64Array(8),
  new DataView(new ArrayBuffer(8)),
  new ArrayBuffer(8),
  [1, 2, 3],
  true,
  null,
  Symbol.iterator,
];

attack(10, "payloads that are neither text nor bytes", async (target) => {
  const peer = await target.upgrade();
  const conn = await target.accept();
  const calls: ((data: unknown) => unknown)[] = [
    (data) => conn.send(wrong(data)),
    (data) => conn.writeMessage(1, wrong(data)),
    (data) => conn.writeMessage(2, wrong(data)),
    ...(conn.capabilities.ping
      ? [
        (data: unknown) => conn.writeControl(9, wrong(data)),
        (data: unknown) => conn.writeControl(10, wrong(data)),
        (data: unknown) => conn.ping(wrong(data)),
      ]
      : []),
    (data) => conn.writeControl(8, wrong(data)),
    (data) => conn.close(1000, wrong(data)),
  ];
  for (const call of calls) {
    for (const data of WRONG) {
      assertEquals(await nameOf(() => call(data)), "TypeError", String(data));
    }
  }
  // Of all that, nothing has gone out.
  conn.send(new Uint8Array(new Uint16Array([0x4142, 0x4344]).buffer));
  await peer.expectFrame({ opcode: 2, payload: "BADC" });
}, { places: EVERYWHERE });

attack(10, "parts of larger buffers", async ({ upgrade, accept }) => {
  const peer = await upgrade();
  const conn = await accept();
  const secret = new TextEncoder().encode("secret Hello secret");
  const part = secret.subarray(7, 12);
  conn.send(part);
  await peer.expectFrame({ opcode: 2, payload: "Hello" });
  if (conn.capabilities.ping) {
    conn.writeControl(9, part);
    await peer.expectFrame({ opcode: 9, payload: "Hello" });
  }
}, { places: EVERYWHERE });

attack(11, "a reason without a code", async ({ upgrade, accept }) => {
  const peer = await upgrade();
  const conn = await accept();
  conn.close(undefined, "only a reason");
  await peer.expectClose(1000, "only a reason");
  peer.destroy();
  await conn.closed;
}, { places: EVERYWHERE });

attack(34, "reasons that a terminal acts upon", async (target) => {
  // ESC, CSI in one character, a new line, text from right to left.
  const reason = "\u001b[2J\u009b2J\n[root] ok\u202e";
  const peer = await target.upgrade();
  const conn = await target.accept();
  const read = conn.readMessage().catch((error) => error);
  peer.sendFrame({ opcode: 8, payload: closePayload(4000, reason) });
  const error = await read;
  assert(error instanceof CloseError);
  assertEquals(error.reason, reason);
  assert(/^[\x20-\x7e]*$/.test(error.message), JSON.stringify(error.message));
  peer.destroy();
  await conn.closed;
}, { places: EVERYWHERE });

attack(34, "reasons that are too long", async ({ upgrade, accept }) => {
  const peer = await upgrade();
  const conn = await accept();
  conn.close(1011, "x".repeat(1_000_000));
  await peer.expectClose(1011, "x".repeat(123));
  peer.destroy();
  await conn.closed;
}, { places: EVERYWHERE });

const OFFER = "Sec-WebSocket-Extensions: permessage-deflate";

attack(35, "compression that was not asked for", async (target) => {
  const answer = await target.ask(head(...UPGRADE, OFFER));
  assertEquals(headerOf(answer, "Sec-WebSocket-Extensions"), undefined);
}, { places: EVERYWHERE });

attack(35, "secrets beside what an attacker has chosen", async (target) => {
  const peer = await target.upgrade(OFFER);
  const conn = await target.accept();
  const text = "token=secret&guess=token=".repeat(100);
  await conn.send(text);
  assertEquals((await peer.readFrame()).rsv, 4);
  conn.enableWriteCompression(false);
  await conn.send(text);
  await peer.expectFrame({ opcode: 1, rsv: 0, payload: text });
  // By default no message refers to another.
  conn.enableWriteCompression(true);
  const sizes = [];
  for (let i = 0; i < 2; i++) {
    await conn.send(text);
    sizes.push((await peer.readFrame()).payload.length);
  }
  assertEquals(sizes[0], sizes[1]);
}, {
  places: [...WIRE, ...native("bun")],
  upgrader: { enableCompression: true },
});

attack(10, "close payloads that are no close payload", async (target) => {
  const peer = await target.upgrade();
  const conn: Conn = await target.accept();
  for (const payload of ["03", "03 ed", "03 ee", "00 00", "03 e8 ff"]) {
    const name = await nameOf(() => conn.writeControl(8, hex(payload)));
    assert(name === "RangeError" || name === "TypeError", `${payload} ${name}`);
  }
  assertThrows(() => conn.setReadLimit(wrong("1")), RangeError);
  assertEquals(conn.state, "open");
  conn.send(runtime);
  await peer.expectFrame({ opcode: 1, payload: runtime });
}, { places: TCP });
