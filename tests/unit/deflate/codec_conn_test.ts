import process from "node:process";

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CloseError } from "../../../src/close.ts";
import { openContexts } from "../../../src/deflate/contexts.ts";
import { deflateOnce } from "../../../src/deflate/one_shot.ts";
import { ReadLimitError } from "../../../src/errors.ts";
import { ProtocolError } from "../../../src/peer_errors.ts";
import { PreparedMessage } from "../../../src/prepared.ts";
import { WIRE_CAPABILITIES } from "../../../src/wire/wire_transport.ts";
import { firstByte, readFrames } from "../../support/frames.ts";
import { hex, test, toHex, withTimeout } from "../../support/helper.ts";
import { connPair, frame, type LinkOptions, rawLink } from "./links.ts";
import { BROKEN, concat, HELLO, jsonBytes } from "./samples.ts";

type Side = "server" | "client";
const SIDES: readonly Side[] = ["server", "client"];
const RSV1_TEXT = 0xc1;
const RSV1_BINARY = 0xc2;

function other(side: Side): Side {
  return side === "server" ? "client" : "server";
}

/** A compressed payload, as from a peer. */
function compress(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const settings = { level: 1, windowBits: 15 };
  return new Uint8Array(deflateOnce(data, settings, true));
}

test("the wire engine can compress", () => {
  assertEquals(WIRE_CAPABILITIES.compression, true);
});

for (const side of SIDES) {
  for (const [name, payload] of HELLO) {
    for (const chunkSize of [undefined, 1]) {
      const how = chunkSize === undefined ? "" : ", byte by byte";
      test(`Conn as ${side} reads ${name}${how}`, async () => {
        const { conn, stream } = rawLink(side, { chunkSize });
        const peer = other(side);
        stream.write(frame(peer, RSV1_TEXT, hex(payload)), () => {});
        stream.write(frame(peer, RSV1_BINARY, hex(payload)), () => {});
        assertEquals(await conn.readMessage(), { type: 1, data: "Hello" });
        const binary = await conn.readMessage();
        assertEquals(binary.data, hex("48 65 6c 6c 6f"));
        conn.terminate();
        await conn.closed;
        assertEquals(openContexts(), 0);
      });
    }
  }

  test(`Conn as ${side} gives each message that comes in one chunk bytes of its own`, async () => {
    const { conn, stream } = rawLink(side);
    const messages = [100, 200, 300].map(jsonBytes);
    const peer = other(side);
    const frames = messages.map((data) =>
      frame(peer, RSV1_BINARY, compress(data))
    );
    stream.write(concat(frames), () => {});
    const read = [];
    for (const _ of messages) read.push((await conn.readMessage()).data);
    assertEquals(read, messages);
    conn.terminate();
    await conn.closed;
  });

  test(`Conn as ${side} reads fragments around a ping (RFC 7692, 7.2.3.1)`, async () => {
    const { conn, stream } = rawLink(side);
    const peer = other(side);
    const order: string[] = [];
    conn.setPingHandler(() => {
      order.push("ping");
    });
    stream.write(
      concat([
        frame(peer, 0x41, hex("f2 48 cd")),
        frame(peer, 0x89, hex("")),
        frame(peer, 0x80, hex("c9 c9 07 00")),
      ]),
      () => {},
    );
    assertEquals((await conn.readMessage()).data, "Hello");
    assertEquals(order, ["ping"]);
    conn.terminate();
    await conn.closed;
  });

  test(`Conn as ${side} reads messages that are not compressed in between`, async () => {
    const { conn, stream } = rawLink(side, { takeover: true });
    const peer = other(side);
    stream.write(
      concat([
        frame(peer, RSV1_TEXT, hex("f2 48 cd c9 c9 07 00")),
        frame(peer, 0x81, hex("48 69")),
        frame(peer, RSV1_TEXT, hex("f2 00 11 00 00")),
      ]),
      () => {},
    );
    const read = async () => (await conn.readMessage()).data;
    assertEquals([await read(), await read(), await read()], [
      "Hello",
      "Hi",
      "Hello",
    ]);
    conn.terminate();
    await conn.closed;
    assertEquals(openContexts(), 0);
  });

  test(`Conn as ${side} sends the RFC's examples`, async () => {
    const { conn, bytes } = rawLink(side, { threshold: 5 });
    const expected: Uint8Array[] = [];
    const sent = async (first: number, payload: string) => {
      expected.push(frame("server", first, hex(payload)));
      const size = expected.length;
      await bytes.until("a frame", () => frames(bytes.bytes) >= size);
    };
    await conn.send("Hello");
    await sent(RSV1_TEXT, "f2 48 cd c9 c9 07 00");
    await conn.send(hex("48 65 6c 6c 6f"));
    await sent(RSV1_BINARY, "f2 48 cd c9 c9 07 00");
    // Under the threshold, or switched off.
    await conn.send("Hell");
    await sent(0x81, "48 65 6c 6c");
    conn.enableWriteCompression(false);
    await conn.send("Hello");
    await sent(0x81, "48 65 6c 6c 6f");
    conn.enableWriteCompression(true);
    // Control frames never are (RFC 7692, section 6.1).
    await conn.writeControl(9, "Hello");
    await sent(0x89, "48 65 6c 6c 6f");
    const message = new PreparedMessage(1, "Hello");
    await conn.writePreparedMessage(message);
    await sent(RSV1_TEXT, "f2 48 cd c9 c9 07 00");
    // A writer's message is compressed whatever its size; RSV1 stands on its
    // first fragment alone (section 6.1).
    const writer = conn.nextWriter(1).getWriter();
    await writer.close();
    await sent(RSV1_TEXT, "00");
    assertEquals(unmask(bytes.bytes), toHex(concat(expected)));
    conn.terminate();
    await conn.closed;
  });

  test(`Conn as ${side} sets RSV1 on the first fragment only`, async () => {
    const { conn, bytes } = rawLink(side);
    const writer = conn.nextWriter(2, {}).getWriter();
    await writer.write(jsonBytes(200_000));
    await writer.close();
    await bytes.until(
      "the last frame",
      () => firstBytes(bytes.bytes).at(-1) === 0x80,
    );
    assertEquals(firstBytes(bytes.bytes), [0x42, 0x00, 0x00, 0x80]);
    conn.terminate();
    await conn.closed;
  });

  for (
    const [what, bytes] of [
      ["a ping", [0xc9, ""]],
      ["a pong", [0xca, ""]],
      ["a close frame", [0xc8, "03 e8"]],
      ["a continuation", [0x41, "f2 48 cd", 0xc0, "c9 c9 07 00"]],
      ["RSV2", [0xa1, "00"]],
      ["RSV3", [0x91, "00"]],
    ] as [string, (number | string)[]][]
  ) {
    test(`Conn as ${side} refuses RSV bits on ${what}`, async () => {
      const { conn, stream, bytes: sent } = rawLink(side);
      for (let i = 0; i < bytes.length; i += 2) {
        stream.write(
          frame(other(side), bytes[i] as number, hex(bytes[i + 1] as string)),
          () => {},
        );
      }
      const error = await assertRejects(
        () => conn.readMessage(),
        ProtocolError,
      );
      assertEquals(error.code, 1002);
      await sent.untilEnd();
      assertEquals(closeCode(sent.bytes), 1002);
      stream.end();
      await conn.closed;
      assertEquals(openContexts(), 0);
    });
  }

  for (const takeover of [false, true]) {
    const how = takeover ? "with" : "without";
    for (const [what, payload] of BROKEN) {
      test(`Conn as ${side} ${how} takeover fails what is ${what} with 1007: ${payload}`, async () => {
        const { conn, stream, bytes } = rawLink(side, { takeover });
        stream.write(frame(other(side), RSV1_BINARY, hex(payload)), () => {});
        const error = await assertRejects(
          () => conn.readMessage(),
          ProtocolError,
        );
        assertEquals(error.code, 1007);
        await bytes.untilEnd();
        assertEquals(closeCode(bytes.bytes), 1007);
        stream.end();
        await conn.closed;
        assertEquals(openContexts(), 0);
      });
    }

    for (const text of ["c3 28", "ed a0 80", "e2 82"]) {
      test(`Conn as ${side} ${how} takeover fails text ${text} behind inflation`, async () => {
        const { conn, stream, bytes } = rawLink(side, { takeover });
        const payload = compress(concat([jsonBytes(500), hex(text)]));
        stream.write(frame(other(side), RSV1_TEXT, payload), () => {});
        const error = await assertRejects(
          () => conn.readMessage(),
          ProtocolError,
          "not valid UTF-8",
        );
        assertEquals(error.code, 1007);
        await bytes.untilEnd();
        assertEquals(closeCode(bytes.bytes), 1007);
        stream.end();
        await conn.closed;
      });
    }

    test(`Conn as ${side} ${how} takeover stops a bomb at its read limit`, async () => {
      const bomb = compress(new Uint8Array(8 * 2 ** 20));
      const options: LinkOptions = { takeover, readLimit: 2 ** 20 };
      for (const pieces of [1, 10]) {
        const { conn, stream, bytes } = rawLink(side, options);
        const size = Math.ceil(bomb.length / pieces);
        for (let i = 0; i < pieces; i++) {
          const last = i === pieces - 1 ? 0x80 : 0;
          const first = last | (i === 0 ? 0x42 : 0);
          const part = bomb.subarray(i * size, (i + 1) * size);
          stream.write(frame(other(side), first, part), () => {});
        }
        const error = await assertRejects(
          () => conn.readMessage(),
          ReadLimitError,
        );
        assertEquals(error.limit, 2 ** 20);
        await bytes.untilEnd();
        assertEquals(closeCode(bytes.bytes), 1009);
        stream.end();
        await conn.closed;
        assertEquals(openContexts(), 0);
      }
    });

    test(`Conn as ${side} ${how} takeover reads a message at its read limit`, async () => {
      const payload = compress(new Uint8Array(2 ** 20));
      const { conn, stream } = rawLink(side, { takeover, readLimit: 2 ** 20 });
      stream.write(frame(other(side), RSV1_BINARY, payload), () => {});
      assertEquals((await conn.readMessage()).data.length, 2 ** 20);
      conn.terminate();
      await conn.closed;
    });

    test(`Conn as ${side} ${how} takeover holds nothing when it dies in a message`, async () => {
      const { conn, stream } = rawLink(side, {
        takeover,
        readBufferSize: 1024,
      });
      const payload = compress(new Uint8Array(2 ** 20));
      const half = payload.subarray(0, payload.length >> 1);
      stream.write(frame(other(side), 0x42, half), () => {});
      const reader = await conn.nextReader();
      const body = reader.readable.getReader();
      assert((await body.read()).value!.length > 0);
      assertEquals(openContexts(), 1);
      const sending = conn.send(jsonBytes(2 ** 20)).catch((error) => error);
      stream.destroy();
      assertEquals((await conn.closed).code, 1006);
      assert(await sending instanceof Error);
      assertEquals(openContexts(), 0);
    });

    test(`Conn as ${side} ${how} takeover holds nothing when it is terminated`, async () => {
      const { conn } = rawLink(side, { takeover });
      const sending = conn.send(jsonBytes(2 ** 20)).catch((error) => error);
      conn.terminate();
      assertEquals((await conn.closed).code, 1006);
      assertEquals((await conn.closed).cause, undefined);
      assert(await sending instanceof Error);
      assertEquals(openContexts(), 0);
    });
  }

  test(`Conn as ${side} rejects each read behind a failure within a fragment`, async () => {
    const { conn, stream } = rawLink(side, {
      keepAlive: { interval: 10, timeout: 10 },
      closeTimeout: 10,
    });
    const fragment = frame(other(side), 0x41, hex("f2 48 cd"));
    stream.write(fragment.subarray(0, -1), () => {});
    const error = await conn.readMessage().catch((error) => error);
    assertEquals(error.name, "TimeoutError");
    await conn.closed;
    const again = conn.readMessage().catch((error) => error);
    assertEquals(await withTimeout(again, 1_000, "the next read"), error);
  });

  test(`Conn as ${side} delivers fragments as they come`, async () => {
    const { conn, stream } = rawLink(side);
    const peer = other(side);
    stream.write(
      frame(peer, 0x41, hex("f2 48 cd c9 c9 07 00 00 00 ff ff")),
      () => {},
    );
    const reader = await conn.nextReader();
    const body = reader.readable.getReader();
    assertEquals(await body.read(), {
      done: false,
      value: hex("48 65 6c 6c 6f"),
    });
    stream.write(frame(peer, 0x80, hex("00")), () => {});
    assertEquals((await body.read()).done, true);
    conn.terminate();
    await conn.closed;
  });
}

test("Conn: a peer that nobody reads is stopped within a bomb", async () => {
  const { conn, stream } = rawLink("server", { readLimit: Infinity });
  const bomb = compress(new Uint8Array(32 * 2 ** 20));
  stream.write(frame("client", RSV1_BINARY, bomb), () => {});
  const reader = await conn.nextReader();
  const before = memory();
  for (let turn = 0; turn < 100; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert(memory() - before < 8 * 2 ** 20, `${memory() - before} bytes`);
  let length = 0;
  for await (const chunk of reader.readable) length += chunk.length;
  assertEquals(length, 32 * 2 ** 20);
  conn.terminate();
  await conn.closed;
});

test("Conn: the close frame goes out behind messages that are compressed", async () => {
  for (const takeover of [false, true]) {
    const { server, client } = connPair({ takeover });
    const data = jsonBytes(500_000);
    server.send(data);
    server.send("last");
    const closed = server.close(1000, "done");
    assertEquals((await client.readMessage()).data, data);
    assertEquals((await client.readMessage()).data, "last");
    const error = await assertRejects(() => client.readMessage(), CloseError);
    assertEquals(error.code, 1000);
    assertEquals((await closed).wasClean, true);
    await client.closed;
    assertEquals(openContexts(), 0);
  }
});

test("Conn: control frames pass between the parts of a large message", async () => {
  const { server, client } = connPair();
  const reading = client.readMessage();
  const sending = server.send(jsonBytes(4 * 2 ** 20));
  let sent = false;
  sending.then(() => sent = true);
  assert(await withTimeout(server.ping(), 5000, "the pong") >= 0);
  assertEquals(sent, false, "the pong came before the end");
  assertEquals((await reading).data.length, 4 * 2 ** 20);
  await sending;
  server.terminate();
  await client.closed;
});

test("Conn: one PreparedMessage serves plain and compressed connections", async () => {
  const message = new PreparedMessage(1, "Hello ".repeat(50_000));
  for (const takeover of [false, true]) {
    const { server, client } = connPair({ takeover, windowBits: 12 });
    for (let i = 0; i < 2; i++) {
      server.send("before");
      server.writePreparedMessage(message);
      server.send("after");
      assertEquals((await client.readMessage()).data, "before");
      assertEquals((await client.readMessage()).data.length, 300_000);
      assertEquals((await client.readMessage()).data, "after");
      client.writePreparedMessage(message);
      assertEquals((await server.readMessage()).data.length, 300_000);
      server.enableWriteCompression(false);
    }
    server.terminate();
    await client.closed;
  }
  assertEquals(openContexts(), 0);
});

test("Conn: idle connections hold a zlib context only with takeover", async () => {
  for (const [takeover, contexts] of [[false, 0], [true, 4]] as const) {
    const { server, client } = connPair({ takeover });
    await client.send("there");
    await server.readMessage();
    await server.send("back");
    await client.readMessage();
    assertEquals(openContexts(), contexts);
    server.terminate();
    await client.closed;
    await server.closed;
    assertEquals(openContexts(), 0);
  }
});

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The first bytes of all frames. */
function firstBytes(bytes: Uint8Array): number[] {
  return readFrames(bytes).map(firstByte);
}

function frames(bytes: Uint8Array): number {
  return firstBytes(bytes).length;
}

/** Frames as a server would have sent them, in hex. */
function unmask(bytes: Uint8Array): string {
  return toHex(concat(
    readFrames(bytes).map((read) =>
      frame("server", firstByte(read), read.payload)
    ),
  ));
}

/** The code of the close frame at the end. */
function closeCode(bytes: Uint8Array): number | undefined {
  const close = readFrames(bytes).find((read) => firstByte(read) === 0x88);
  return close && (close.payload[0]! << 8 | close.payload[1]!);
}
