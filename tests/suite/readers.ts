import { assert, assertEquals, assertRejects } from "@std/assert";

import { CloseError } from "../../src/close.ts";
import { hex } from "../support/helper.ts";
import { behaviours, type Fixture } from "./fixture.ts";

/** How `nextReader()` reads messages in pieces. */
export function readers(fixture: Fixture): void {
  const it = behaviours(fixture);

  it("nextReader() reads whole messages by bytes(), text() and json()", async ({ conn, peer }) => {
    peer.binary(hex("01 02"));
    peer.text("höllo");
    peer.text('{"a":1}');
    peer.text("text");
    const first = await conn.nextReader();
    assertEquals(first.type, 2);
    assertEquals(await first.bytes(), hex("01 02"));
    const second = await conn.nextReader();
    assertEquals(second.type, 1);
    assertEquals(await second.text(), "höllo");
    assertEquals(await (await conn.nextReader()).json(), { a: 1 });
    assertEquals(
      await (await conn.nextReader()).bytes(),
      new TextEncoder().encode("text"),
    );
  });

  it("nextReader() reads an empty message", async ({ conn, peer }) => {
    peer.text("");
    peer.binary(new Uint8Array(0));
    assertEquals(await (await conn.nextReader()).text(), "");
    const reader = await conn.nextReader();
    assertEquals(await Array.fromAsync(reader.readable), []);
  });

  it(
    "nextReader() gives pieces before the frame is complete",
    async ({ conn, peer }) => {
      const frame = peer.encode(2, hex("01 02 03 04 05 06 07 08"));
      const cut = frame.length - 5;
      peer.write(frame.subarray(0, cut));
      const reader = await conn.nextReader();
      const stream = reader.readable.getReader();
      const got: number[] = [];
      while (got.length < 3) got.push(...(await stream.read()).value ?? []);
      assertEquals(got, [1, 2, 3]);
      peer.write(frame.subarray(cut));
      while (true) {
        const { value, done } = await stream.read();
        if (done) break;
        got.push(...value);
      }
      assertEquals(got, [1, 2, 3, 4, 5, 6, 7, 8]);
    },
    { needs: ["streaming"] },
  );

  it(
    "nextReader() gives fragments before the message is complete",
    async ({ conn, peer }) => {
      peer.send(1, "a", { fin: false });
      const reader = await conn.nextReader();
      const stream = reader.readable.getReader();
      assertEquals((await stream.read()).value, hex("61"));
      peer.send(0, "b", { fin: false });
      assertEquals((await stream.read()).value, hex("62"));
      peer.send(0, "", { fin: true });
      assertEquals((await stream.read()).done, true);
    },
    { needs: ["streaming"] },
  );

  it(
    "a message larger than the read buffer is read in pieces",
    async ({ conn, peer }) => {
      const payload = new Uint8Array(100_000).map((_, i) => i * 3);
      peer.binary(payload);
      peer.text("next");
      const reader = await conn.nextReader();
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      for await (const chunk of reader.readable) chunks.push(chunk);
      assertEquals(
        new Uint8Array(await new Blob(chunks).arrayBuffer()),
        payload,
      );
      assertEquals((await conn.readMessage()).data, "next");
    },
    { readBufferSize: 2000 },
  );

  it(
    "the next read abandons the reader and drops its rest",
    async ({ conn, peer }) => {
      peer.send(1, "one", { fin: false });
      const first = await conn.nextReader();
      const bytes = first.bytes();
      peer.send(0, "!");
      peer.text("two");
      const second = conn.readMessage();
      const error = await assertRejects(() => bytes, DOMException);
      assertEquals(error.name, "InvalidStateError");
      assertEquals((await second).data, "two");
    },
    { needs: ["streaming"] },
  );

  it(
    "a reader that nobody read does not stop the messages behind it",
    async ({ conn, peer }) => {
      peer.binary(new Uint8Array(5000));
      await conn.nextReader();
      peer.binary(new Uint8Array(5000));
      await conn.nextReader();
      peer.text("last");
      assertEquals((await conn.readMessage()).data, "last");
    },
    { readBufferSize: 1000 },
  );

  it(
    "canceling a reader's stream drops the rest of its message",
    async ({ conn, peer }) => {
      peer.send(2, hex("01"), { fin: false });
      const reader = await conn.nextReader();
      const stream = reader.readable.getReader();
      await stream.read();
      await stream.cancel();
      peer.send(0, new Uint8Array(5000), { fin: false });
      peer.send(0, hex("02"));
      peer.text("next");
      assertEquals((await conn.readMessage()).data, "next");
      assertEquals(conn.state, "open");
    },
    { needs: ["streaming"], readBufferSize: 1000 },
  );

  it("a reader can be taken once", async ({ conn, peer }) => {
    peer.text("1");
    const reader = await conn.nextReader();
    assertEquals(await reader.text(), "1");
    const error = await assertRejects(() => reader.text(), DOMException);
    assertEquals(error.name, "InvalidStateError");
  });

  it("bad JSON in a reader keeps the connection open", async ({ conn, peer }) => {
    peer.text("{");
    const reader = await conn.nextReader();
    await assertRejects(() => reader.json(), SyntaxError);
    peer.text("next");
    assertEquals((await conn.readMessage()).data, "next");
  });

  it("a reader meets the connection's end", async ({ conn, peer }) => {
    peer.send(2, hex("01"), { fin: false });
    const reader = await conn.nextReader();
    const bytes = reader.bytes();
    peer.end();
    const error = await assertRejects(() => bytes, CloseError);
    assertEquals(error.code, 1006);
    const later = await assertRejects(() => conn.nextReader(), CloseError);
    assertEquals(later.code, 1006);
  }, { needs: ["streaming"] });

  it(
    "a reader's stream meets the connection's end behind what came",
    async ({ conn, peer }) => {
      peer.send(2, hex("01 02"), { fin: false });
      peer.close(1001);
      const reader = await conn.nextReader();
      const got: number[] = [];
      const error = await assertRejects(async () => {
        for await (const chunk of reader.readable) got.push(...chunk);
      }, CloseError);
      assertEquals(got, [1, 2]);
      assertEquals(error.code, 1001);
    },
    { needs: ["streaming"] },
  );

  it("a whole message that was read before the end is kept", async ({ conn, peer }) => {
    peer.text("kept");
    const reader = await conn.nextReader();
    peer.close(1000);
    const info = conn.closed;
    peer.end();
    await info;
    assertEquals(await reader.text(), "kept");
  });

  it(
    "setReadDeadline() covers a reader that waits, which can go on",
    async ({ conn, peer }) => {
      peer.send(1, "be", { fin: false });
      const reader = await conn.nextReader();
      conn.setReadDeadline(new Date(Date.now() + 5));
      const error = await assertRejects(() => reader.text(), DOMException);
      assertEquals(error.name, "TimeoutError");
      conn.setReadDeadline(null);
      const text = reader.text();
      peer.send(0, "gun");
      assertEquals(await text, "begun");
      assert(conn.state === "open");
    },
    { needs: ["streaming"] },
  );

  it(
    "setReadDeadline() ends a reader's stream that waits",
    async ({ conn, peer }) => {
      peer.send(1, "be", { fin: false });
      const reader = (await conn.nextReader()).readable.getReader();
      for (let got = 0; got < 2;) got += (await reader.read()).value!.length;
      conn.setReadDeadline(new Date(0));
      const error = await assertRejects(() => reader.read(), DOMException);
      assertEquals(error.name, "TimeoutError");
      conn.setReadDeadline(null);
      peer.send(0, "gun");
      peer.text("next");
      assertEquals((await conn.readMessage()).data, "next");
    },
    { needs: ["streaming"] },
  );

  it("text is checked as it arrives", async ({ conn, peer }) => {
    peer.send(1, "ok", { fin: false });
    const reader = await conn.nextReader();
    const stream = reader.readable.getReader();
    const got: number[] = [];
    while (got.length < 2) got.push(...(await stream.read()).value ?? []);
    assertEquals(got, [0x6f, 0x6b]);
    peer.send(0, hex("ff"), { fin: false });
    const error = await assertRejects(() => stream.read(), Error);
    assertEquals([error.name, (error as Error & { code: number }).code], [
      "ProtocolError",
      1007,
    ]);
    assertEquals((await peer.nextClose())[0], 1007);
  }, { needs: ["streaming"] });
}
