import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { CloseError, formatCloseMessage } from "../../src/close.ts";
import { CloseSentError } from "../../src/errors.ts";
import type { MessageType } from "../../src/message.ts";
import { hex } from "../support/helper.ts";
import { behaviours, block, type Fixture, isPending } from "./fixture.ts";
import type { RawPeer } from "../support/raw_peer.ts";

/** How `nextWriter()` writes messages in pieces. */
export function writers(fixture: Fixture): void {
  const it = behaviours(fixture);

  it("nextWriter() writes one message", async ({ conn, peer }) => {
    const writer = conn.nextWriter(1).getWriter();
    writer.write("hö");
    writer.write(new TextEncoder().encode("ll"));
    writer.write("o");
    await writer.close();
    const binary = conn.nextWriter(2).getWriter();
    binary.write(hex("01"));
    binary.write("é");
    await binary.close();
    assertEquals(
      new TextDecoder().decode(await peer.nextMessage()),
      "höllo",
    );
    assertEquals(await peer.nextMessage(), hex("01 c3 a9"));
  });

  it("nextWriter() closed at once sends an empty message", async ({ conn, peer }) => {
    await conn.nextWriter(1).close();
    await conn.nextWriter(2).close();
    for (const opcode of [1, 2]) {
      const frame = await peer.next();
      assertEquals([frame.opcode, frame.fin], [opcode, true]);
      assertEquals(frame.payload.length, 0);
    }
  });

  it("fragments go out as they are written", async ({ conn, peer }) => {
    const writer = conn.nextWriter(1).getWriter();
    await writer.write("one");
    const first = await peer.next();
    assertEquals([first.opcode, first.fin], [1, false]);
    assertEquals(first.payload, hex("6f 6e 65"));
    await writer.write("two");
    const second = await peer.next();
    assertEquals([second.opcode, second.fin], [0, false]);
    await writer.close();
    const last = await peer.next();
    assertEquals([last.opcode, last.fin, last.rsv], [0, true, 0]);
    assertEquals(last.masked, fixture.side === "client");
  }, { needs: ["streaming"] });

  it("fragments are cut at writeBufferSize", async ({ conn, peer }) => {
    const writer = conn.nextWriter(2).getWriter();
    writer.write(new Uint8Array(600));
    writer.write(new Uint8Array(2600));
    await writer.close();
    const sizes: number[] = [];
    for (let fin = false; !fin;) {
      const frame = await peer.next();
      sizes.push(frame.payload.length);
      fin = frame.fin;
    }
    assertEquals(Math.max(...sizes), 1000);
    assertEquals(sizes.reduce((a, b) => a + b), 3200);
  }, { needs: ["streaming"], writeBufferSize: 1000 });

  it(
    "control frames pass between fragments, messages wait",
    async ({ conn, peer }) => {
      const writer = conn.nextWriter(1).getWriter();
      await writer.write("a");
      assertEquals(await peer.nextText(), [1, "a"]);
      const waiting = conn.send("behind");
      conn.writeControl(9, "ping");
      assertEquals(await peer.nextText(), [9, "ping"]);
      peer.send(9, "pong");
      assertEquals(await peer.nextText(), [10, "pong"]);
      assert(await isPending(waiting));
      await writer.write("b");
      assertEquals(await peer.nextText(), [0, "b"]);
      await writer.close();
      assertEquals(await peer.nextText(), [0, ""]);
      assertEquals(await peer.nextText(), [1, "behind"]);
      await waiting;
    },
    { needs: ["streaming", "ping"] },
  );

  it("writers take their turns", async ({ conn, peer }) => {
    const first = conn.nextWriter(1).getWriter();
    const second = conn.nextWriter(1).getWriter();
    const third = conn.send("third");
    const written = second.write("second").then(() => second.close());
    assert(await isPending(written));
    await first.write("first");
    await first.close();
    await Promise.all([written, third]);
    for (const text of ["first", "second", "third"]) {
      assertEquals(new TextDecoder().decode(await peer.nextMessage()), text);
    }
  });

  it("a writer's chunk is copied or done with when write() settles", async ({ conn, peer }) => {
    const writer = conn.nextWriter(2).getWriter();
    const chunk = new Uint8Array(300_000).fill(1);
    await writer.write(chunk);
    chunk.fill(2);
    await writer.close();
    const message = await peer.nextMessage();
    assertEquals(message.length, 300_000);
    assert(message.every((byte) => byte === 1));
  });

  it(
    "an idle open writer fails the connection, by name",
    async ({ conn, peer }) => {
      const stream = conn.nextWriter(1);
      const writer = stream.getWriter();
      await writer.write("a");
      const waiting = conn.send("behind");
      const error = await assertRejects(() => waiting, DOMException);
      assertEquals(error.name, "TimeoutError");
      assert(error.message.includes("open writer"), error.message);
      assertEquals(await writer.write("b").catch((e) => e), error);
      assertEquals(await conn.readMessage().catch((e) => e), error);
      peer.destroy();
      const info = await conn.closed;
      assertEquals([info.code, info.cause], [1006, error]);
    },
    { closeTimeout: 50 },
  );

  it("an open writer may idle while nothing waits", async (link) => {
    const { conn, peer } = link;
    const writer = conn.nextWriter(1).getWriter();
    await writer.write("a");
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 150);
    await promise;
    const behind = conn.send("behind");
    await writer.close();
    await behind;
    assertEquals(new TextDecoder().decode(await peer.nextMessage()), "a");
    assertEquals(await peer.nextText(), [1, "behind"]);
  }, { closeTimeout: 100 });

  it("a writer that the peer holds up is not idle", async (link) => {
    const { conn, peer } = link;
    const writer = conn.nextWriter(2).getWriter();
    peer.pause();
    const written = writer.write(new Uint8Array(link.inFlight + 500_000));
    const waiting = conn.send("behind");
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 150);
    await promise;
    assertEquals(conn.state, "open");
    peer.resume();
    const message = peer.nextMessage();
    await written;
    await writer.close();
    await message;
    await waiting;
    assertEquals(await peer.nextText(), [1, "behind"]);
  }, { needs: ["streaming", "writeLimit"], closeTimeout: 50 });

  it(
    "aborting a writer that has begun fails the connection",
    async ({ conn, peer }) => {
      const writer = conn.nextWriter(1).getWriter();
      await writer.write("a");
      assertEquals(await peer.nextText(), [1, "a"]);
      const reason = new Error("own");
      await writer.abort(reason).catch(() => {});
      assertEquals(await peer.nextClose(), [1011, ""]);
      peer.destroy();
      const { code, cause } = await conn.closed;
      assertEquals(code, 1006);
      assertEquals((cause as Error).cause, reason);
    },
    { needs: ["streaming"] },
  );

  it("aborting a writer that has not begun takes it back", async ({ conn, peer }) => {
    const first = conn.nextWriter(1).getWriter();
    const second = conn.nextWriter(1).getWriter();
    const written = second.write("no").catch((error) => error);
    const reason = new Error("own");
    await second.abort(reason);
    assertEquals(await written, reason);
    await first.abort();
    await conn.send("fine");
    assertEquals(await peer.nextText(), [1, "fine"]);
    assertEquals(conn.state, "open");
  });

  it(
    "a signal aborts a writer that has begun, and the connection",
    async ({ conn, peer }) => {
      const abort = new AbortController();
      const writer = conn.nextWriter(1, { signal: abort.signal }).getWriter();
      await writer.write("a");
      assertEquals(await peer.nextText(), [1, "a"]);
      const reason = new Error("own");
      abort.abort(reason);
      assertEquals(await writer.write("b").catch((e) => e), reason);
      assertEquals(await peer.nextClose(), [1011, ""]);
      peer.destroy();
      assertEquals(((await conn.closed).cause as Error).cause, reason);
    },
    { needs: ["streaming"] },
  );

  it("a signal takes back a writer that has not begun", async ({ conn, peer }) => {
    const abort = new AbortController();
    const { signal } = abort;
    const first = conn.nextWriter(1, { signal }).getWriter();
    const second = conn.nextWriter(1, { signal }).getWriter();
    const written = second.write("no").catch((error) => error);
    const reason = new Error("own");
    abort.abort(reason);
    assertEquals(await written, reason);
    assertEquals(await first.write("no").catch((e) => e), reason);
    const late = conn.nextWriter(1, { signal }).getWriter();
    assertEquals(await late.write("no").catch((e) => e), reason);
    await conn.send("fine");
    assertEquals(await peer.nextText(), [1, "fine"]);
  });

  it("a surrogate pair may be split over chunks", async ({ conn, peer }) => {
    const writer = conn.nextWriter(1).getWriter();
    writer.write("a\ud83e");
    writer.write("");
    writer.write("\udd95b");
    await writer.close();
    assertEquals(new TextDecoder().decode(await peer.nextMessage()), "a🦕b");
  });

  it("a UTF-8 sequence may be split over chunks", async ({ conn, peer }) => {
    for (const pieces of [["f0", "9f a6", "95"], ["f0 9f", "", "a6 95"]]) {
      const writer = conn.nextWriter(1).getWriter();
      writer.write("x");
      for (const piece of pieces) writer.write(hex(piece));
      writer.write("y");
      await writer.close();
      assertEquals(new TextDecoder().decode(await peer.nextMessage()), "x🦕y");
    }
  });

  const bad: [string, (string | Uint8Array)[]][] = [
    ["bytes that are not UTF-8", [hex("ff")]],
    ["a string behind a part of a sequence", [hex("f0 9f"), "a"]],
    ["a chunk that is neither", [1 as unknown as string]],
  ];
  for (const [what, chunks] of bad) {
    it(`nextWriter() rejects ${what}, and fails the connection`, async ({ conn, peer }) => {
      const writer = conn.nextWriter(1).getWriter();
      const last = chunks.pop()!;
      for (const chunk of chunks) await writer.write(chunk);
      chunks.push(last);
      await assertRejects(() => writer.write(last), TypeError);
      assertEquals(await closeOf(peer), [1011, ""]);
    });
  }

  it("a message whose bytes end in the middle of a character fails the connection", async ({ conn, peer }) => {
    const writer = conn.nextWriter(1).getWriter();
    const written = writer.write(hex("f0 9f"));
    await assertRejects(() => writer.close(), TypeError);
    await written.catch(() => {});
    assertEquals(await closeOf(peer), [1011, ""]);
  });

  const lone: [string, (string | Uint8Array)[], string][] = [
    ["a low surrogate", ["a", "\udd95"], "a\ufffd"],
    ["two high surrogates", ["\ud83e", "\ud83e"], "\ufffd\ufffd"],
    ["bytes behind a high surrogate", ["\ud83e", hex("61")], "\ufffda"],
    ["a high surrogate at the end", ["a\ud83e"], "a\ufffd"],
    ["one behind another character", ["\ud83e", "x"], "\ufffdx"],
  ];
  for (const [what, chunks, expected] of lone) {
    it(`nextWriter() sends ${what} as U+FFFD`, async ({ conn, peer }) => {
      for (const type of [1, 2] as const) {
        const writer = conn.nextWriter(type).getWriter();
        for (const chunk of chunks) writer.write(chunk);
        await writer.close();
        const text = new TextDecoder().decode(await peer.nextMessage());
        assertEquals(text, expected);
      }
    });
  }

  it("nextWriter() takes control types", async ({ conn, peer }) => {
    const writer = conn.nextWriter(9).getWriter();
    writer.write("pi");
    writer.write(hex("6e 67"));
    await writer.close();
    assertEquals(await peer.nextText(), [9, "ping"]);
    const close = conn.nextWriter(8).getWriter();
    close.write(formatCloseMessage(4001));
    await close.close();
    assertEquals(await peer.nextClose(), [4001, ""]);
  }, { needs: ["ping"] });

  it(
    "a control message that is too long fails the connection",
    async ({ conn, peer }) => {
      const long = conn.nextWriter(10).getWriter();
      await assertRejects(() => long.write(new Uint8Array(126)), RangeError);
      assertEquals(await peer.nextClose(), [1011, ""]);
    },
    { needs: ["ping"] },
  );

  it(
    "a control writer that is never closed ends with its connection",
    async ({ conn, peer }) => {
      const writer = conn.nextWriter(9).getWriter();
      await writer.write("a");
      peer.reset();
      await assertRejects(() => writer.closed, CloseError);
    },
    { needs: ["ping"] },
  );

  it("a signal aborts a control writer", async ({ conn, peer }) => {
    const abort = new AbortController();
    const { signal } = abort;
    const writer = conn.nextWriter(9, { signal }).getWriter();
    await writer.write("no");
    const reason = new Error("own");
    abort.abort(reason);
    assertEquals(await writer.write("no").catch((e) => e), reason);
    conn.send("fine");
    assertEquals(await peer.nextText(), [1, "fine"]);
  }, { needs: ["ping"] });

  it("nextWriter() refuses unknown types", ({ conn }) => {
    assertThrows(() => conn.nextWriter(3 as MessageType), RangeError);
  });

  it("close() aborts open and waiting writers", async (link) => {
    const { conn, peer } = link;
    const unblock = await block(link);
    conn.send("queued");
    const open = conn.nextWriter(1).getWriter();
    const written = open.write("lost").catch((error) => error);
    conn.close(4000);
    assert(await written instanceof CloseSentError);
    await unblock();
    assertEquals(await peer.nextText(), [1, "queued"]);
    assertEquals(await peer.nextClose(), [4000, ""]);
  });

  it("close() ends a message that has begun", async ({ conn, peer }) => {
    const writer = conn.nextWriter(1).getWriter();
    await writer.write("a");
    assertEquals(await peer.nextText(), [1, "a"]);
    const behind = conn.send("behind").catch((error) => error);
    conn.close(1001);
    assert(await behind instanceof CloseSentError);
    assert(await writer.write("b").catch((e) => e) instanceof CloseSentError);
    assertEquals(await peer.nextClose(), [1001, ""]);
  }, { needs: ["streaming"] });

  it("a writer after the end fails", async ({ conn, peer }) => {
    peer.close(1000);
    peer.end();
    await conn.closed;
    const writer = conn.nextWriter(1).getWriter();
    await assertRejects(() => writer.write("a"), CloseSentError);
  });
}

/** The close frame behind the frames of a message that was not finished. */
async function closeOf(peer: RawPeer): Promise<[number, string]> {
  for (;;) {
    const { opcode, payload } = await peer.next();
    if (opcode !== 8) continue;
    const code = payload[0]! << 8 | payload[1]!;
    return [code, new TextDecoder().decode(payload.subarray(2))];
  }
}
