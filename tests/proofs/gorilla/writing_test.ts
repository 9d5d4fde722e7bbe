/**
 * What gorilla/websocket's users know of writing and of its errors, fact by
 * fact, as it is here. Longer than 300 lines: it is one list.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import {
  CloseError,
  formatCloseMessage,
  isCloseError,
  isUnexpectedCloseError,
} from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import type { CompressionOptions } from "../../../src/deflate/options.ts";
import { deflateOnce } from "../../../src/deflate/one_shot.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import {
  CloseSentError,
  ReadLimitError,
  WriteLimitError,
} from "../../../src/errors.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { ControlType, MessageType } from "../../../src/message.ts";
import { preparedForm, PreparedMessage } from "../../../src/prepared.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import { serve } from "../../../src/server/serve.ts";
import {
  rawDial,
  rawPeer,
  type RawPeerOptions,
} from "../../../src/testing/mod.ts";
import { jsonBytes } from "../../unit/deflate/samples.ts";
import { answering, withServer } from "../../support/dial_server.ts";
import { head, UPGRADE } from "../../support/http_server.ts";
import { portOf } from "../../support/servers.ts";
import { hex, test, toHex } from "../../support/helper.ts";

const SIDES = ["server", "client"] as const;

/** Runs the function on a connection and its peer, and ends them. */
async function linked(
  options: RawPeerOptions,
  run: (conn: Conn, peer: RawPeer) => Promise<void>,
): Promise<void> {
  const [conn, peer] = rawPeer(options);
  try {
    await run(conn, peer);
  } finally {
    conn.terminate();
    await conn.closed;
  }
}

/** Runs the function on a server's connection that compresses, and its peer. */
async function compressed(
  enableCompression: boolean | CompressionOptions,
  run: (conn: Conn, peer: RawPeer) => Promise<void>,
): Promise<void> {
  const accepted = Promise.withResolvers<Conn>();
  await using server = await serve(
    async (conn) => {
      accepted.resolve(conn);
      await conn.closed;
    },
    { port: 0, hostname: "127.0.0.1", upgrader: { enableCompression } },
  );
  const { peer } = await rawDial(`ws://127.0.0.1:${portOf(server)}/`, {
    handshake: false,
  });
  peer.send(head(
    ...UPGRADE,
    "Sec-WebSocket-Extensions: permessage-deflate",
  ));
  const answer = await peer.readHead();
  assert(/\r\nsec-websocket-extensions: permessage-deflate/i.test(answer));
  const conn = await accepted.promise;
  try {
    await run(conn, peer);
  } finally {
    peer.destroy();
    await conn.closed;
  }
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => assert(false, "It was expected to reject"),
    (error) => error,
  );
}

test("gorilla 49: concurrent writes are queued, not a panic", async () => {
  await linked({ side: "server" }, async (conn, peer) => {
    const writer = conn.nextWriter(1).getWriter();
    writer.write("a");
    const writes = [
      writer.close(),
      conn.send("b"),
      conn.writeJSON("c"),
      conn.send(hex("64")),
    ];
    await Promise.all(writes);
    const closed = conn.close();
    const texts: string[] = [];
    for (let messages = 0; messages < 4;) {
      const { fin, payload } = await peer.readFrame();
      texts.push(new TextDecoder().decode(payload));
      if (fin) messages++;
    }
    assertEquals(texts.join(""), 'ab"c"d');
    await peer.expectClose(1000);
    peer.sendFrame({ opcode: 8, payload: hex("03 e8") });
    peer.end();
    assertEquals((await closed).wasClean, true);
  });
});

test("gorilla 50: writeControl refuses bad types, sizes and deadlines, and passes between fragments", async () => {
  await linked({ side: "server" }, async (conn, peer) => {
    for (const type of [0, 1, 2, 11]) {
      assertThrows(
        () => conn.writeControl(type as ControlType),
        RangeError,
      );
    }
    const long = new Uint8Array(126);
    assertThrows(() => conn.writeControl(9, long), RangeError);
    const late = await assertRejects(
      () => conn.writeControl(9, "late", new Date(Date.now() - 1)),
      DOMException,
    );
    assertEquals(late.name, "TimeoutError");
    const writer = conn.nextWriter(1).getWriter();
    await writer.write("a");
    await peer.expectFrame({ opcode: 1, fin: false, payload: "a" });
    await conn.writeControl(9, "no deadline");
    await peer.expectFrame({ opcode: 9, payload: "no deadline" });
    await conn.writeControl(10, "in time", new Date(Date.now() + 60_000));
    await peer.expectFrame({ opcode: 10, payload: "in time" });
    await writer.close();
    await peer.expectFrame({ opcode: 0, fin: true, payload: "" });
  });
});

test("gorilla 51: after a close frame every write is a CloseSentError, reads go on", async () => {
  await linked({ side: "client" }, async (conn, peer) => {
    await conn.writeControl(8, formatCloseMessage(1001, "bye"));
    await peer.expectClose(1001, "bye");
    for (
      const write of [
        conn.send("x"),
        conn.writeMessage(2, "x"),
        conn.writeJSON(1),
        conn.nextWriter(1).getWriter().write("x"),
        conn.writeControl(9),
        conn.writeControl(8),
      ]
    ) await assertRejects(() => write, CloseSentError);
    peer.sendFrame({ opcode: 1, payload: "still" });
    assertEquals((await conn.readMessage()).data, "still");
  });
});

test("gorilla 52: the first failure of writing is that of all later writes", async () => {
  await linked(
    { side: "server", writeLimit: 100_000, closeTimeout: 10 },
    async (conn, peer) => {
      peer.pause();
      const chunk = new Uint8Array(16_000);
      const writes = Array.from({ length: 40 }, () => conn.send(chunk));
      const results = await Promise.allSettled(writes);
      const first = results.find((result) => result.status === "rejected");
      const error: unknown = first?.reason;
      assert(error instanceof WriteLimitError);
      for (
        const write of [
          conn.send("x"),
          conn.writeJSON(1),
          conn.writePreparedMessage(new PreparedMessage(1, "x")),
          conn.nextWriter(2).getWriter().write("x"),
          conn.writeControl(9),
        ]
      ) assert(await rejection(write) === error);
    },
  );
});

test("gorilla 53: nextWriter waits for the previous writer, it does not close it; a bad type is a RangeError", async () => {
  await linked({ side: "server" }, async (conn, peer) => {
    const first = conn.nextWriter(1).getWriter();
    const second = conn.nextWriter(2).getWriter();
    const written = second.write("second").then(() => second.close());
    await first.write("one");
    await peer.expectFrame({ opcode: 1, fin: false, payload: "one" });
    for (const type of [0, 3, 11]) {
      assertThrows(() => conn.nextWriter(type as MessageType), RangeError);
    }
    await first.write("two");
    await peer.expectFrame({ opcode: 0, fin: false, payload: "two" });
    await first.close();
    await peer.expectFrame({ opcode: 0, fin: true, payload: "" });
    await written;
    await peer.expectFrame({ opcode: 2, payload: "second" });
  });
});

test("gorilla 54: a writer that is closed takes no more: a TypeError, as of any stream", async () => {
  await linked({ side: "server" }, async (conn, peer) => {
    for (const type of [1, 2, 9] as const) {
      const writer = conn.nextWriter(type).getWriter();
      await writer.close();
      await assertRejects(() => writer.write("late"), TypeError);
      await assertRejects(() => writer.close(), TypeError);
      await peer.expectFrame({ opcode: type, fin: true, payload: "" });
    }
    await conn.send("after");
    await peer.expectFrame({ opcode: 1, payload: "after" });
  });
});

test("gorilla 55: nextWriter and writeMessage take control types, up to 125 bytes", async () => {
  await linked({ side: "client" }, async (conn, peer) => {
    const most = new Uint8Array(125).fill(7);
    await conn.writeMessage(9, most);
    await peer.expectFrame({ opcode: 9, fin: true, payload: most });
    const writer = conn.nextWriter(10).getWriter();
    await writer.write("po");
    await writer.write("ng");
    await writer.close();
    await peer.expectFrame({ opcode: 10, fin: true, payload: "pong" });
    const long = new Uint8Array(126);
    assertThrows(() => conn.writeMessage(9, long), RangeError);
    await conn.send("after");
    await peer.expectFrame({ opcode: 1, payload: "after" });
    const refused = conn.nextWriter(9).getWriter();
    await assertRejects(async () => {
      await refused.write(long);
      await refused.close();
    }, RangeError);
    await peer.expectClose(1011);
    peer.end();
  });
});

test("gorilla 56: writeMessage sends one frame, from clients too", async () => {
  for (const side of SIDES) {
    await linked({ side, writeBufferSize: 1000 }, async (conn, peer) => {
      const payload = new Uint8Array(100_000).fill(5);
      conn.writeMessage(2, payload);
      await peer.expectFrame({ opcode: 2, fin: true, payload });
    });
  }
});

test("gorilla 57: a large write goes out before the end, in fragments of writeBufferSize", async () => {
  const options = { side: "server", writeBufferSize: 1000 } as const;
  await linked(options, async (conn, peer) => {
    const part = new Uint8Array(1000).fill(5);
    const writer = conn.nextWriter(2).getWriter();
    await writer.write(new Uint8Array(3000).fill(5));
    await peer.expectFrame({ opcode: 2, fin: false, payload: part });
    await peer.expectFrame({ opcode: 0, fin: false, payload: part });
    await peer.expectFrame({ opcode: 0, fin: false, payload: part });
    await writer.close();
    await peer.expectFrame({ opcode: 0, fin: true, payload: "" });
  });
});

test("gorilla 58: RSV1 is on the first frame only, and never on control frames", async () => {
  await compressed(true, async (conn, peer) => {
    const writer = conn.nextWriter(2).getWriter();
    writer.write(jsonBytes(200_000));
    writer.close();
    await peer.expectFrame({ opcode: 2, fin: false, rsv: 4 });
    let last = false;
    let fragments = 0;
    while (!last) {
      last = (await peer.expectFrame({ opcode: 0, rsv: 0 })).fin;
      fragments++;
    }
    assert(fragments > 0);
    const payload = "a".repeat(125);
    await conn.writeControl(9, payload);
    await peer.expectFrame({ opcode: 9, rsv: 0, payload });
    await conn.writeControl(8, formatCloseMessage(1000, "a".repeat(123)));
    await peer.expectFrame({ opcode: 8, rsv: 0 });
  });
});

test("gorilla 59: a client masks every frame with a new key, a server none", async () => {
  await linked({ side: "client" }, async (conn, peer) => {
    const keys = new Set<string>();
    for (let i = 0; i < 8; i++) {
      const type = i % 2 === 0 ? 1 : 9;
      await conn.writeMessage(type, "same");
      const frame = await peer.expectFrame({ opcode: type, payload: "same" });
      keys.add(toHex(frame.mask!));
    }
    // Two keys may be equal, by a chance of one in 2^27.
    assert(keys.size >= 7, `${keys.size} keys`);
  });
  await linked({ side: "server" }, async (conn, peer) => {
    await conn.send("plain");
    await peer.expectFrame({ opcode: 1, masked: false, payload: "plain" });
  });
});

test("gorilla 60: the write deadline holds from the next write on, and writes recover from it", async () => {
  await linked({ side: "server" }, async (conn, peer) => {
    await conn.send("before");
    conn.setWriteDeadline(new Date(Date.now() - 1));
    for (const write of [conn.send("no"), conn.writeJSON("no")]) {
      const error = await assertRejects(() => write, DOMException);
      assertEquals(error.name, "TimeoutError");
    }
    conn.setWriteDeadline(new Date(Date.now() + 60_000));
    await conn.send("later");
    conn.setWriteDeadline(null);
    await conn.send("never");
    for (const payload of ["before", "later", "never"]) {
      await peer.expectFrame({ opcode: 1, payload });
    }
  });
});

test("gorilla 61: compression is on once agreed, at level 1, from 512 bytes, and is set for later messages", async () => {
  const payload = jsonBytes(4000);
  const at = (level: number) =>
    new Uint8Array(deflateOnce(payload, { level, windowBits: 15 }, true));
  assert(toHex(at(1)) !== toHex(at(9)));
  await compressed(true, async (conn, peer) => {
    await conn.send(payload);
    await peer.expectFrame({ opcode: 2, rsv: 4, payload: at(1) });
    await conn.send(new Uint8Array(511));
    await peer.expectFrame({ opcode: 2, rsv: 0 });
    await conn.send(new Uint8Array(512));
    await peer.expectFrame({ opcode: 2, rsv: 4 });
    conn.enableWriteCompression(false);
    await conn.send(payload);
    await peer.expectFrame({ opcode: 2, rsv: 0, payload });
    conn.enableWriteCompression(true);
    conn.setCompressionLevel(9);
    await conn.send(payload);
    await peer.expectFrame({ opcode: 2, rsv: 4, payload: at(9) });
    for (const level of [-3, 10, 1.5]) {
      assertThrows(() => conn.setCompressionLevel(level), RangeError);
    }
    conn.setCompressionLevel(-2);
  });
  await compressed({ threshold: 0 }, async (conn, peer) => {
    await conn.send("a");
    await peer.expectFrame({ opcode: 1, rsv: 4 });
  });
  await linked({ side: "server" }, async (conn, peer) => {
    conn.enableWriteCompression(true);
    conn.setCompressionLevel(9);
    await conn.send(payload);
    await peer.expectFrame({ opcode: 2, rsv: 0, payload });
    assertThrows(() => conn.setCompressionLevel(10), RangeError);
  });
});

test("gorilla 62: a PreparedMessage is a copy, encoded once; clients mask each sending anew", async () => {
  const bytes = hex("01 02 03");
  const message = new PreparedMessage(2, bytes);
  bytes.fill(9);
  const once = () => assert(false, "It has been encoded before");
  const payload = hex("01 02 03");
  await linked({ side: "server" }, async (conn, peer) => {
    await conn.writePreparedMessage(message);
    await conn.writePreparedMessage(message);
    const form = preparedForm(message, "frame plain", once as never);
    assertEquals(form, hex("82 03 01 02 03"));
    await peer.expectFrame({ opcode: 2, payload });
    await peer.expectFrame({ opcode: 2, payload });
    await conn.writeControl(8);
    await assertRejects(
      () => conn.writePreparedMessage(message),
      CloseSentError,
    );
  });
  await linked({ side: "client" }, async (conn, peer) => {
    const keys = new Set<string>();
    for (let i = 0; i < 4; i++) {
      await conn.writePreparedMessage(message);
      const frame = await peer.expectFrame({ opcode: 2, payload });
      keys.add(toHex(frame.mask!));
    }
    assert(keys.size > 2, `${keys.size} keys`);
  });
});

test("gorilla 63: writeJSON sends one text message, without a newline", async () => {
  await linked({ side: "server" }, async (conn, peer) => {
    await conn.writeJSON({ a: [1, "é"] });
    await peer.expectFrame({ opcode: 1, fin: true, payload: '{"a":[1,"é"]}' });
  });
});

test("gorilla 64: formatCloseMessage(1005) is empty, otherwise code and text, both checked", () => {
  assertEquals(formatCloseMessage(1005, "ignored"), hex(""));
  assertEquals(formatCloseMessage(1000), hex("03 e8"));
  assertEquals(formatCloseMessage(1001, "ok"), hex("03 e9 6f 6b"));
  assertEquals(formatCloseMessage(4999, "a".repeat(123)).length, 125);
  assertThrows(() => formatCloseMessage(1000, "a".repeat(124)), RangeError);
  for (const code of [0, 999, 1004, 1006, 1015, 2999, 5000]) {
    assertThrows(() => formatCloseMessage(code), RangeError);
  }
});

test("gorilla 65: terminate() cuts at once, without a close frame; close() is the handshake", async () => {
  await linked({ side: "server" }, async (conn, peer) => {
    const read = conn.readMessage();
    conn.terminate();
    const error = await assertRejects(() => read, CloseError);
    assertEquals(error.code, 1006);
    assertEquals(await peer.readRest(), hex(""));
    const info = await conn.closed;
    assertEquals([info.code, info.wasClean], [1006, false]);
  });
  await linked({ side: "server" }, async (conn, peer) => {
    const closed = conn.close();
    await peer.expectClose(1000);
    peer.sendFrame({ opcode: 8, payload: hex("03 e8") });
    peer.end();
    const info = await closed;
    assertEquals([info.code, info.wasClean], [1000, true]);
  });
});

test("gorilla 66: buffer sizes never limit messages; 0 is the default, less a RangeError; a pool's buffers come back", async () => {
  const held = new Set<Uint8Array>();
  let gets = 0;
  const writeBufferPool = {
    get(size: number) {
      gets++;
      const buffer = new Uint8Array(size);
      held.add(buffer);
      return buffer;
    },
    put(buffer: Uint8Array) {
      assert(held.delete(buffer), "a buffer that is not the pool's");
    },
  };
  const payload = new Uint8Array(200_000).fill(5);
  for (const size of [0, 1, 100]) {
    await linked({
      side: "server",
      readBufferSize: size,
      writeBufferSize: size,
      writeBufferPool,
    }, async (conn, peer) => {
      conn.send("small");
      await peer.expectFrame({ opcode: 1, payload: "small" });
      const sent = conn.send(payload);
      await peer.expectFrame({ opcode: 2, fin: true, payload });
      await sent;
      peer.sendFrame({ opcode: 2, payload });
      assertEquals((await conn.readMessage()).data, payload);
      assertEquals(held.size, 0);
    });
  }
  assert(gets > 0);
  for (const name of ["readBufferSize", "writeBufferSize"]) {
    assertThrows(() => rawPeer({ side: "server", [name]: -1 }), RangeError);
  }
});

test("gorilla 67: a CloseError's message has code, name and quoted reason", () => {
  const names: [code: number, name: string][] = [
    [1000, " (normal)"],
    [1001, " (going away)"],
    [1002, " (protocol error)"],
    [1003, " (unsupported data)"],
    [1005, " (no status)"],
    [1006, " (abnormal closure)"],
    [1007, " (invalid payload data)"],
    [1008, " (policy violation)"],
    [1009, " (message too big)"],
    [1010, " (mandatory extension missing)"],
    [1011, " (internal server error)"],
    // Registered since; gorilla has no name for these three.
    [1012, " (service restart)"],
    [1013, " (try again later)"],
    [1014, " (bad gateway)"],
    [1015, " (TLS handshake error)"],
    [3000, ""],
    [4000, ""],
  ];
  for (const [code, name] of names) {
    const message = `Connection closed: ${code}${name}`;
    assertEquals(new CloseError(code).message, message);
    assertEquals(new CloseError(code, "why").message, `${message} "why"`);
  }
});

test("gorilla 68: isCloseError and isUnexpectedCloseError know a CloseError's code, and no wrapped one", () => {
  const error = new CloseError(1001);
  assertEquals(isCloseError(error, 1000, 1001), true);
  assertEquals(isCloseError(error, 1000), false);
  assertEquals(isCloseError(error), false);
  assertEquals(isUnexpectedCloseError(error, 1000, 1001), false);
  assertEquals(isUnexpectedCloseError(error, 1000), true);
  assertEquals(isUnexpectedCloseError(error), true);
  const wrapped = new Error("wrapped", { cause: error });
  for (const other of [wrapped, { code: 1001 }, 1001, null, undefined]) {
    assertEquals(isCloseError(other, 1001), false);
    assertEquals(isUnexpectedCloseError(other, 1000), false);
  }
});

test("gorilla 69: ErrBadHandshake and ErrReadLimit are classes, with the answer and the limit", async () => {
  const answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
  await withServer(answering(answer), async (url) => {
    const error = await assertRejects(
      () => new Dialer().dial(url),
      BadHandshakeError,
    );
    assertEquals(error.name, "BadHandshakeError");
    assertEquals(error.response.status, 403);
    assertEquals(error.response.body, hex("6e 6f"));
  });
  await linked({ side: "server", readLimit: 10 }, async (conn, peer) => {
    peer.sendFrame({ opcode: 2, payload: new Uint8Array(11) });
    const error = await assertRejects(() => conn.readMessage(), ReadLimitError);
    assertEquals(
      error.message,
      "Cannot read message: it exceeds the read limit of 10 bytes",
    );
    assertEquals(error.limit, 10);
    await peer.expectClose(1009);
  });
});

test("gorilla 70: the socket is the connection's own, there is no netConn or underlyingConn", async () => {
  await linked({ side: "server" }, (conn) => {
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(conn));
    assert(names.includes("readMessage"));
    const found = [...names, ...Object.getOwnPropertyNames(conn)].filter((
      name,
    ) => /netconn|underlying|socket|stream$/i.test(name));
    assertEquals(found, []);
    return Promise.resolve();
  });
});
