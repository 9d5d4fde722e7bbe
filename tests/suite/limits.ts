import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";

import { MessageLimitError } from "../../src/peer_errors.ts";
import { behaviours, type Fixture } from "./fixture.ts";

/** How many messages a peer may send. */
export function limits(fixture: Fixture): void {
  const it = behaviours(fixture);
  // Nothing is added while a test runs.
  const perSecond = 1e-9;

  it(
    "messageLimit fails a peer that sends one message too many",
    async ({ conn, peer }) => {
      for (const text of ["one", "two", "three"]) peer.text(text);
      assertEquals((await conn.readMessage()).data, "one");
      assertEquals((await conn.readMessage()).data, "two");
      const error = await assertRejects(
        () => conn.readMessage(),
        MessageLimitError,
        "Cannot read message: the peer sends more than 1e-9 a second and 2 at " +
          "once, the messageLimit",
      );
      assertEquals([error.perSecond, error.burst], [perSecond, 2]);
      assertEquals((await peer.nextClose())[0], 1008);
      peer.destroy();
      assertEquals((await conn.closed).cause, error);
    },
    { messageLimit: { perSecond, burst: 2 } },
  );

  it(
    "messageLimit counts a message in fragments once",
    async ({ conn, peer }) => {
      peer.send(1, "a", { fin: false });
      for (let i = 0; i < 20; i++) peer.send(0, "b", { fin: false });
      peer.send(0, "c", { fin: true });
      peer.text("second");
      assertEquals((await conn.readMessage()).data, `a${"b".repeat(20)}c`);
      assertEquals((await conn.readMessage()).data, "second");
      peer.send(2, "too", { fin: false });
      peer.send(0, "many");
      await assertRejects(() => conn.readMessage(), MessageLimitError);
      assertEquals((await peer.nextClose())[0], 1008);
    },
    { messageLimit: { perSecond, burst: 2 } },
  );

  for (const [opcode, what] of [[9, "ping"], [10, "pong"]] as const) {
    it(
      `messageLimit counts each ${what} apart, by 10 at least`,
      async ({ conn, peer }) => {
        for (let i = 0; i < 10; i++) peer.send(opcode, `${i}`);
        peer.text("message");
        assertEquals((await conn.readMessage()).data, "message");
        assertEquals(conn.state, "open");
        peer.send(opcode, "too many");
        const error = await conn.readMessage().catch((error) => error);
        assertInstanceOf(error, MessageLimitError);
        assert(error.message.startsWith(`Cannot read ${what}: `));
        for (let code = 0; code !== 1008;) {
          const frame = await peer.next();
          if (frame.opcode !== 8) assertEquals(frame.opcode, 10);
          else code = frame.payload[0]! << 8 | frame.payload[1]!;
        }
      },
      {
        needs: ["controlHandlers"],
        messageLimit: { perSecond, burst: 1 },
      },
    );
  }

  it(
    "messageLimit does not count the pongs that were asked for",
    async ({ conn, peer }) => {
      for (let i = 0; i < 30; i++) {
        const ping = conn.ping(`${i}`);
        assertEquals(await peer.nextText(), [9, `${i}`]);
        peer.send(10, `${i}`);
        await ping;
      }
      for (let i = 0; i < 20; i++) conn.writeControl(9, `${i}`);
      for (let i = 0; i < 20; i++) {
        peer.send(10, (await peer.next()).payload);
      }
      peer.text("alive");
      assertEquals((await conn.readMessage()).data, "alive");
      // The others are the peer's own.
      for (let i = 0; i < 11; i++) peer.send(10);
      await assertRejects(() => conn.readMessage(), MessageLimitError);
    },
    {
      needs: ["ping", "controlHandlers"],
      messageLimit: { perSecond, burst: 5 },
    },
  );

  it("without a messageLimit nothing is counted", async ({ conn, peer }) => {
    for (let i = 0; i < 500; i++) peer.text("x");
    for (let i = 0; i < 500; i++) {
      assertEquals((await conn.readMessage()).data, "x");
    }
  });
}
