import { assert, assertEquals, assertRejects } from "@std/assert";

import { CloseError } from "../../src/close.ts";
import { ReadLimitError } from "../../src/errors.ts";
import { ProtocolError } from "../../src/peer_errors.ts";
import { hex } from "../support/helper.ts";
import { behaviours, block, type Fixture } from "./fixture.ts";

/** Ends without a handshake: cuts, faults and broken rules. */
export function ending(fixture: Fixture): void {
  const it = behaviours(fixture);

  for (const how of ["end", "reset", "destroy"] as const) {
    it(`a peer that goes (${how}) is 1006, once`, async ({ conn, peer }) => {
      let ends = 0;
      conn.closed.then(() => ends++);
      const read = conn.readMessage();
      const error = await (peer[how](), assertRejects(() => read, CloseError));
      assertEquals([error.code, error.reason], [1006, ""]);
      const info = await conn.closed;
      assertEquals([info.code, info.reason, info.wasClean, info.initiator], [
        1006,
        "",
        false,
        "network",
      ]);
      assertEquals(conn.state, "closed");
      assertEquals(ends, 1);
      assert(await conn.send("x").catch((e) => e) instanceof CloseError);
      assertEquals(await conn.close(), info);
      for (let i = 0; i < 3; i++) {
        assertEquals(await conn.readMessage().catch((e) => e), error);
      }
    });
  }

  it("the fault of a cut is the cause", async ({ conn, peer }) => {
    await conn.send("x");
    await peer.next();
    peer.reset();
    const { cause } = await conn.closed;
    // Bun tells of a reset as of an end.
    if (cause !== undefined) assert(cause instanceof Error);
    const error = await assertRejects(() => conn.readMessage(), CloseError);
    assertEquals(error.cause, cause);
  });

  it(
    "a peer that goes after our close frame leaves no clean end",
    async ({ conn, peer }) => {
      const closed = conn.close();
      await peer.next();
      peer.end();
      const info = await closed;
      assertEquals([info.code, info.wasClean, info.initiator], [
        1006,
        false,
        "local",
      ]);
    },
    { needs: ["closeHandshake"] },
  );

  it("terminate() cuts the connection", async (link) => {
    const { conn, peer } = link;
    const read = conn.readMessage();
    conn.terminate();
    assertEquals(conn.state === "open", false);
    const error = await assertRejects(() => read, CloseError);
    assertEquals(error.code, 1006);
    await peer.ended;
    assertEquals(peer.pending, 0);
    const info = await conn.closed;
    assertEquals([info.code, info.wasClean, info.initiator, info.cause], [
      1006,
      false,
      "local",
      undefined,
    ]);
    conn.terminate();
    assertEquals(await conn.close(), info);
  }, { needs: ["terminate"] });

  it("nothing throws between terminate() and the end", async ({ conn }) => {
    conn.terminate();
    const errors = await Promise.all([
      conn.send("x").catch((e) => e),
      conn.send(new Uint8Array(300_000)).catch((e) => e),
      conn.writeControl(9).catch((e) => e),
      conn.writeControl(8).catch((e) => e),
      conn.ping().catch((e) => e),
      conn.nextWriter(1).getWriter().write("x").catch((e) => e),
      conn.readMessage().catch((e) => e),
    ]);
    for (const error of errors) {
      assert(error instanceof CloseError, `${error}`);
      assertEquals(error.code, 1006);
    }
    assertEquals((await conn.close()).code, 1006);
  }, { needs: ["terminate", "ping"] });

  it("terminate() lets what was received be read", async ({ conn, peer }) => {
    peer.text("1");
    peer.text("2");
    peer.send(9);
    await peer.next();
    conn.terminate();
    await conn.closed;
    assertEquals((await conn.readMessage()).data, "1");
    assertEquals((await conn.readMessage()).data, "2");
    await assertRejects(() => conn.readMessage(), CloseError);
  }, { needs: ["terminate"] });

  it("terminate() rejects what is queued", async (link) => {
    const { conn } = link;
    await block(link);
    const small = conn.send("queued");
    const large = conn.send(new Uint8Array(300_000));
    conn.terminate();
    await assertRejects(() => small, CloseError);
    await assertRejects(() => large, CloseError);
  }, { needs: ["terminate"] });

  it(
    "terminate() ends a handshake that is under way",
    async ({ conn, peer }) => {
      const closed = conn.close();
      await peer.next();
      conn.terminate();
      const info = await closed;
      assertEquals([info.code, info.wasClean, info.initiator], [
        1006,
        false,
        "local",
      ]);
    },
    { needs: ["terminate", "closeHandshake"] },
  );

  const server = fixture.side === "server";
  const masked = server ? "00 00 00 00" : "";
  const bit = server ? 0x80 : 0;
  const byte = (n: number) => (bit | n).toString(16).padStart(2, "0");
  const broken: [what: string, bytes: string, code: number][] = [
    ["RSV1 without an extension", `c1 ${byte(0)} ${masked}`, 1002],
    ["RSV2", `a1 ${byte(0)} ${masked}`, 1002],
    ["opcode 3", `83 ${byte(0)} ${masked}`, 1002],
    ["a fragmented ping", `09 ${byte(0)} ${masked}`, 1002],
    ["a ping of 126 bytes", `89 ${byte(126)} 00 7e ${masked}`, 1002],
    ["a continuation of nothing", `80 ${byte(0)} ${masked}`, 1002],
    ["the wrong mask", server ? "81 00" : "81 80 00 00 00 00", 1002],
    ["text that is not UTF-8", `81 ${byte(1)} ${masked} ff`, 1007],
    ["a close frame of one byte", `88 ${byte(1)} ${masked} 03`, 1002],
    ["close code 1005", `88 ${byte(2)} ${masked} 03 ed`, 1002],
    [
      "a close reason that is not UTF-8",
      `88 ${byte(3)} ${masked} 03 e8 ff`,
      1007,
    ],
  ];
  for (const [what, bytes, code] of broken) {
    it(`${what} fails the connection with ${code}`, async ({ conn, peer }) => {
      peer.text("before");
      peer.write(hex(bytes));
      peer.text("behind");
      assertEquals((await peer.nextClose())[0], code);
      assertEquals((await conn.readMessage()).data, "before");
      const error = await assertRejects(
        () => conn.readMessage(),
        ProtocolError,
      );
      assertEquals(error.code, code);
      assertEquals(await conn.readMessage().catch((e) => e), error);
      assertEquals(await conn.send("x").catch((e) => e), error);
      peer.end();
      const info = await conn.closed;
      assertEquals([info.code, info.wasClean, info.initiator, info.cause], [
        1006,
        false,
        "local",
        error,
      ]);
      assertEquals(peer.pending, 0);
    }, { engine: "wire" });
  }

  it(
    "a peer that breaks a rule and stays is cut at closeTimeout",
    async ({ conn, peer }) => {
      peer.write(hex(`83 ${byte(0)} ${masked}`));
      assertEquals((await conn.closed).code, 1006);
      await peer.ended;
    },
    { engine: "wire", closeTimeout: 50 },
  );

  it(
    "a message over the read limit fails the connection with 1009",
    async ({ conn, peer }) => {
      peer.binary(new Uint8Array(100));
      peer.binary(new Uint8Array(101));
      assertEquals((await peer.nextClose())[0], 1009);
      assertEquals((await conn.readMessage()).data.length, 100);
      const error = await assertRejects(
        () => conn.readMessage(),
        ReadLimitError,
      );
      assertEquals(error.limit, 100);
      peer.end();
      const info = await conn.closed;
      assertEquals([info.code, info.cause], [1006, error]);
    },
    { engine: "wire", readLimit: 100 },
  );

  it(
    "the read limit counts all fragments of a message",
    async ({ conn, peer }) => {
      peer.send(2, new Uint8Array(60), { fin: false });
      peer.send(0, new Uint8Array(40));
      peer.send(2, new Uint8Array(60), { fin: false });
      peer.send(0, new Uint8Array(41), { fin: false });
      assertEquals((await peer.nextClose())[0], 1009);
      assertEquals((await conn.readMessage()).data.length, 100);
      await assertRejects(() => conn.readMessage(), ReadLimitError);
    },
    { engine: "wire", readLimit: 100 },
  );

  it(
    "setReadLimit() holds for the messages that begin later",
    async ({ conn, peer }) => {
      conn.setReadLimit(10);
      peer.binary(new Uint8Array(10));
      assertEquals((await conn.readMessage()).data.length, 10);
      conn.setReadLimit(20);
      peer.binary(new Uint8Array(20));
      assertEquals((await conn.readMessage()).data.length, 20);
      peer.binary(new Uint8Array(21));
      const error = await assertRejects(
        () => conn.readMessage(),
        ReadLimitError,
      );
      assertEquals(error.limit, 20);
      for (const limit of [0, -1, 1.5, NaN]) {
        let thrown: unknown;
        try {
          conn.setReadLimit(limit);
        } catch (error) {
          thrown = error;
        }
        assert(thrown instanceof RangeError);
      }
    },
    { engine: "wire" },
  );

  it("closed never rejects and is one promise", async ({ conn, peer }) => {
    const { closed } = conn;
    assert(closed === conn.closed);
    peer.write(hex("ff ff ff ff ff ff"));
    peer.reset();
    assertEquals((await closed).code, 1006);
  });
}
