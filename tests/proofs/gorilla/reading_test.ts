/**
 * How gorilla/websocket reads, fact by fact, and where this library does
 * otherwise: then the name of the test says what it does here, as the porting
 * table of `.github/guides/MIGRATING.md` does.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";

import { CloseError } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { joinMessages } from "../../../src/conn/join_messages.ts";
import { type ConnOptions, connSettings } from "../../../src/conn/options.ts";
import { ReadLimitError } from "../../../src/errors.ts";
import { ProtocolError } from "../../../src/peer_errors.ts";
import { wireConn } from "../../../src/conn_over.ts";
import { pipeStreams } from "../../../src/testing/pipe_stream.ts";
import { RawPeer, rawPeer } from "../../../src/testing/mod.ts";
import { codec } from "../../unit/deflate/links.ts";
import { hex, test } from "../../support/helper.ts";

type Side = "server" | "client";
const SIDES: readonly Side[] = ["server", "client"];

/** "Hello" by permessage-deflate (RFC 7692, section 7.2.3.1). */
const HELLO: Uint8Array<ArrayBuffer> = hex("f2 48 cd c9 c9 07 00");

/** A close frame's payload; unlike `formatCloseMessage`, of any code. */
function closing(code: number, reason = ""): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(reason);
  return new Uint8Array([code >> 8, code & 255, ...text]);
}

function decode(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** A connection that has negotiated compression, and its peer. */
function compressed(side: Side, options: ConnOptions): [Conn, RawPeer] {
  const [here, there] = pipeStreams();
  const conn = wireConn(
    here,
    side,
    "",
    connSettings(options, side),
    codec(side),
  );
  return [conn, new RawPeer(there, side === "server" ? "client" : "server")];
}

/** Registers a test for each side that the connection can be. */
function it(
  name: string,
  fn: (conn: Conn, peer: RawPeer, side: Side) => void | Promise<void>,
  options: ConnOptions & { readonly compression?: boolean } = {},
): void {
  for (const side of SIDES) {
    test(`gorilla ${name} (${side})`, async () => {
      const { compression = false, ...rest } = options;
      const [conn, peer] = compression
        ? compressed(side, rest)
        : rawPeer({ ...rest, side });
      try {
        await fn(conn, peer, side);
      } finally {
        conn.terminate();
        peer.destroy();
        await conn.closed;
        await peer.closed;
      }
    });
  }
}

/** The peer has broken a rule: close frame, then the reads' error. */
async function refused(
  conn: Conn,
  peer: RawPeer,
  code: number,
): Promise<ProtocolError> {
  await peer.expectClose(code);
  const error = await assertRejects(() => conn.readMessage(), ProtocolError);
  assertEquals(error.code, code);
  return error;
}

it(
  "28: handlers run when their frame is parsed here, read or not",
  async (conn, peer) => {
    const pings: string[] = [];
    conn.setPingHandler((data) => {
      pings.push(decode(data));
      return conn.writeControl(10, "seen");
    });
    peer.sendFrame({ opcode: 1, payload: "unread" });
    peer.sendFrame({ opcode: 9, payload: "1" });
    await peer.expectFrame({ opcode: 10, payload: "seen" });
    assertEquals(pings, ["1"]);
    assertEquals((await conn.readMessage()).data, "unread");
  },
);

const BROKEN = [
  ["RSV1", { opcode: 1, rsv: 4 }, /RSV1 is set/],
  ["RSV2", { opcode: 1, rsv: 2 }, /RSV2 is set/],
  ["RSV3", { opcode: 1, rsv: 1 }, /RSV3 is set/],
  [
    "a long ping",
    { opcode: 9, payload: new Uint8Array(126) },
    /longer than 125/,
  ],
  ["a fragmented ping", { opcode: 9, fin: false }, /is fragmented/],
  ["a continuation of nothing", { opcode: 0 }, /without a message to continue/],
  ["opcode 3", { opcode: 3 }, /opcode 3 is reserved/],
  ["opcode 11", { opcode: 11 }, /opcode 11 is reserved/],
  // gorilla joins what is wrong; here the first rule is named.
  ["several faults", { opcode: 3, rsv: 7, fin: false }, /RSV2 is set/],
] as const;
for (const [what, frame, text] of BROKEN) {
  it(
    `29: ${what} is 1002, the broken rule in close frame and error`,
    async (conn, peer) => {
      peer.sendFrame(frame);
      const { opcode, payload } = await peer.readFrame();
      assertEquals([opcode, payload.subarray(0, 2)], [8, hex("03 ea")]);
      assert(payload.length <= 125);
      assert(text.test(decode(payload.subarray(2))), decode(payload));
      const error = await assertRejects(
        () => conn.readMessage(),
        ProtocolError,
      );
      assertEquals(error.code, 1002);
      assert(text.test(error.message), error.message);
    },
  );
}

it("29: data inside a fragmented message is 1002", async (conn, peer) => {
  peer.sendFrame({ opcode: 1, fin: false, payload: "a" });
  peer.sendFrame({ opcode: 1, payload: "b" });
  const error = await refused(conn, peer, 1002);
  assert(/inside a fragmented message/.test(error.message));
});

it(
  "30: servers require masks, clients refuse them: 1002",
  async (conn, peer, side) => {
    peer.sendFrame({ opcode: 1, payload: "a", mask: side === "client" });
    const error = await refused(conn, peer, 1002);
    assert(/masked/.test(error.message), error.message);
  },
);

for (const [what, opcode] of [["a ping", 9], ["a continuation", 0]] as const) {
  it(
    `31: RSV1 on ${what} is refused here with compression, too: 1002`,
    async (conn, peer) => {
      peer.sendFrame({ opcode: 1, rsv: 4, payload: HELLO });
      assertEquals((await conn.readMessage()).data, "Hello");
      peer.sendFrame({ opcode: 2, fin: false });
      peer.sendFrame({ opcode, rsv: 4 });
      const error = await refused(conn, peer, 1002);
      assert(/RSV1 is set/.test(error.message), error.message);
    },
    { compression: true },
  );
}

it(
  "32: a 64-bit length with its top bit set is refused here with 1002",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 2, length: 2n ** 63n });
    await refused(conn, peer, 1002);
  },
);

it(
  "32: a length past counting is the read limit's, here with 1009",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 2, fin: false, payload: "a" });
    peer.sendFrame({ opcode: 0, length: 2n ** 63n - 1n });
    await peer.expectClose(1009);
    await assertRejects(() => conn.readMessage(), ReadLimitError);
  },
  { readLimit: Infinity },
);

it("33: text is validated here: 1007", async (conn, peer) => {
  peer.sendFrame({ opcode: 1, payload: hex("61 ff") });
  await refused(conn, peer, 1007);
});

it(
  "34: the read limit counts a message's bytes over all fragments; equal is fine",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 2, fin: false, payload: new Uint8Array(6) });
    peer.sendFrame({ opcode: 9, payload: "not counted" });
    peer.sendFrame({ opcode: 0, payload: new Uint8Array(4) });
    assertEquals((await conn.readMessage()).data.length, 10);
    await peer.expectFrame({ opcode: 10 });
    peer.sendFrame({ opcode: 2, fin: false, payload: new Uint8Array(6) });
    peer.sendFrame({ opcode: 0, payload: new Uint8Array(5) });
    await peer.expectClose(1009);
    const error = await assertRejects(() => conn.readMessage(), ReadLimitError);
    assertEquals(error.limit, 10);
  },
  { readLimit: 10 },
);

it("34: the read limit is 16 MiB by default here", async (conn, peer) => {
  peer.sendFrame({ opcode: 2, length: 2 ** 24 + 1 });
  await peer.expectClose(1009);
  const error = await assertRejects(() => conn.readMessage(), ReadLimitError);
  assertEquals(error.limit, 2 ** 24);
});

it(
  "34: compressed messages are limited after inflation here",
  async (conn, peer) => {
    // 5 bytes from 7: only what it inflates to is counted.
    peer.sendFrame({ opcode: 1, rsv: 4, payload: HELLO });
    assertEquals((await conn.readMessage()).data, "Hello");
    conn.setReadLimit(4);
    peer.sendFrame({ opcode: 1, rsv: 4, payload: HELLO });
    await peer.expectClose(1009);
    const error = await assertRejects(() => conn.readMessage(), ReadLimitError);
    assertEquals(error.limit, 4);
  },
  { compression: true, readLimit: 5 },
);

for (const where of ["a frame", "a message", "no message"] as const) {
  it(
    `35: the end of the stream inside ${where} is CloseError 1006`,
    async (conn, peer) => {
      if (where === "a frame") peer.sendFrame({ opcode: 1, length: 5 });
      if (where === "a message") peer.sendFrame({ opcode: 1, fin: false });
      peer.end();
      const error = await assertRejects(() => conn.readMessage(), CloseError);
      assertEquals(error.code, 1006);
    },
  );
}

it("36: an empty close frame is 1005", async (conn, peer) => {
  peer.sendFrame({ opcode: 8 });
  const error = await assertRejects(() => conn.readMessage(), CloseError);
  assertEquals([error.code, error.reason], [1005, ""]);
});

it("36: a close frame of 1 byte is refused here: 1002", async (conn, peer) => {
  peer.sendFrame({ opcode: 8, payload: hex("03") });
  await refused(conn, peer, 1002);
});

for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000]) {
  it(`36: close code ${code} is refused with 1002`, async (conn, peer) => {
    peer.sendFrame({ opcode: 8, payload: closing(code) });
    const error = await refused(conn, peer, 1002);
    assert(error.message.includes(`close code ${code} `), error.message);
  });
}

for (const code of [1000, 1003, 1007, 1013, 3000, 4999]) {
  it(`36: close code ${code} is taken`, async (conn, peer) => {
    peer.sendFrame({ opcode: 8, payload: closing(code) });
    const error = await assertRejects(() => conn.readMessage(), CloseError);
    assertEquals(error.code, code);
  });
}

it(
  "36: close code 1014 is taken here, as IANA registers it",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 8, payload: closing(1014) });
    const error = await assertRejects(() => conn.readMessage(), CloseError);
    assertEquals(error.code, 1014);
  },
);

it("36: a close reason that is not UTF-8 is 1007 here", async (conn, peer) => {
  peer.sendFrame({ opcode: 8, payload: hex("03 e8 ff") });
  await refused(conn, peer, 1007);
});

it(
  "37: the close handler runs, then the read rejects with CloseError",
  async (conn, peer) => {
    const events: string[] = [];
    conn.setCloseHandler((code, reason) => {
      events.push(`handler ${code} ${reason}`);
    });
    const read = conn.readMessage().catch((error: unknown) => {
      events.push("read");
      throw error;
    });
    peer.sendFrame({ opcode: 8, payload: closing(4000, "why") });
    const error = await assertRejects(() => read, CloseError);
    assertEquals([error.code, error.reason], [4000, "why"]);
    assertEquals(events, ["handler 4000 why", "read"]);
  },
);

it(
  "37: what the close handler throws is the read's error",
  async (conn, peer) => {
    const own = new Error("own");
    conn.setCloseHandler(() => {
      throw own;
    });
    peer.sendFrame({ opcode: 8, payload: closing(4000, "why") });
    assert(await conn.readMessage().catch((error) => error) === own);
  },
);

it(
  "38: the default close handler echoes the code without the reason",
  async (_conn, peer) => {
    peer.sendFrame({ opcode: 8, payload: closing(4000, "why") });
    await peer.expectFrame({ opcode: 8, payload: closing(4000) });
  },
);

it("38: an empty close frame is echoed empty", async (_conn, peer) => {
  peer.sendFrame({ opcode: 8 });
  await peer.expectFrame({ opcode: 8, payload: "" });
});

it(
  "39: the default ping handler sends the payload back",
  async (conn, peer) => {
    const payload = new Uint8Array(125).fill(7);
    peer.sendFrame({ opcode: 9, payload });
    await peer.expectFrame({ opcode: 10, fin: true, payload });
    peer.sendFrame({ opcode: 9 });
    await peer.expectFrame({ opcode: 10, payload: "" });
    assertEquals(conn.state, "open");
  },
);

it("39: a pong that cannot be sent fails no read", async (conn, peer) => {
  const closed = conn.close();
  await peer.expectClose(1000);
  // Behind our close frame no pong may go.
  peer.sendFrame({ opcode: 9 });
  peer.sendFrame({ opcode: 1, payload: "after" });
  assertEquals((await conn.readMessage()).data, "after");
  peer.sendFrame({ opcode: 8, payload: closing(1000) });
  peer.end();
  assertEquals((await closed).wasClean, true);
  assertEquals((await peer.readRest()).length, 0);
});

it("40: the default pong handler does nothing", async (conn, peer) => {
  peer.sendFrame({ opcode: 10, payload: "nobody asked" });
  peer.sendFrame({ opcode: 9, payload: "sync" });
  await peer.expectFrame({ opcode: 10, payload: "sync" });
  assertEquals(conn.state, "open");
});

it(
  "40: handlers can be asked for, null restores the defaults",
  async (conn, peer) => {
    const called: string[] = [];
    const ping = () => void called.push("ping");
    const pong = () => void called.push("pong");
    const close = () => void called.push("close");
    conn.setPingHandler(ping);
    conn.setPongHandler(pong);
    conn.setCloseHandler(close);
    assert(conn.pingHandler === ping);
    assert(conn.pongHandler === pong);
    assert(conn.closeHandler === close);
    peer.sendFrame({ opcode: 9, payload: "unanswered" });
    peer.sendFrame({ opcode: 10 });
    peer.sendFrame({ opcode: 1 });
    await conn.readMessage();
    conn.setPingHandler(null);
    conn.setPongHandler(null);
    conn.setCloseHandler(null);
    assert(conn.pingHandler !== ping);
    assert(conn.pongHandler !== pong);
    assert(conn.closeHandler !== close);
    peer.sendFrame({ opcode: 10 });
    peer.sendFrame({ opcode: 9, payload: "answered" });
    await peer.expectFrame({ opcode: 10, payload: "answered" });
    peer.sendFrame({ opcode: 8, payload: closing(4000) });
    await peer.expectClose(4000);
    assertEquals(called, ["ping", "pong"]);
  },
);

for (const [what, opcode] of [["ping", 9], ["pong", 10]] as const) {
  it(
    `41: what a ${what} handler throws is the error of all reads; the peer gets 1011 here`,
    async (conn, peer) => {
      const own = new Error("own");
      const handler = () => {
        throw own;
      };
      if (what === "ping") conn.setPingHandler(handler);
      else conn.setPongHandler(handler);
      peer.sendFrame({ opcode });
      peer.sendFrame({ opcode: 1, payload: "behind" });
      await peer.expectClose(1011, "");
      for (let i = 0; i < 3; i++) {
        assert(await conn.readMessage().catch((error) => error) === own);
      }
    },
  );
}

it("42: a read error is for ever and never panics here", async (conn, peer) => {
  peer.sendFrame({ opcode: 8, payload: closing(4000) });
  const first = await assertRejects(() => conn.readMessage(), CloseError);
  for (let i = 0; i < 1001; i++) {
    assert(await conn.nextReader().catch((error) => error) === first);
  }
});

it(
  "43: nextReader() drops the rest of the message, control frames in it are heard",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 1, fin: false, payload: "one" });
    await conn.nextReader();
    const next = conn.nextReader();
    peer.sendFrame({ opcode: 0, fin: false, payload: "more" });
    peer.sendFrame({ opcode: 9, payload: "heard" });
    peer.sendFrame({ opcode: 0, payload: "end" });
    peer.sendFrame({ opcode: 1, payload: "two" });
    assertEquals(await (await next).text(), "two");
    await peer.expectFrame({ opcode: 10, payload: "heard" });
  },
);

it(
  "43: an abandoned reader fails with InvalidStateError here",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 1, fin: false, payload: "one" });
    const old = await conn.nextReader();
    const next = conn.readMessage();
    peer.sendFrame({ opcode: 0, payload: "end" });
    peer.sendFrame({ opcode: 1, payload: "two" });
    assertEquals((await next).data, "two");
    const error = await assertRejects(() => old.text(), DOMException);
    assertEquals(error.name, "InvalidStateError");
  },
);

it(
  "44: there is one reader: a second read rejects here",
  async (conn, peer) => {
    const first = conn.readMessage();
    const error = await assertRejects(() => conn.nextReader(), DOMException);
    assertEquals(error.name, "InvalidStateError");
    peer.sendFrame({ opcode: 1, fin: false, payload: "a" });
    peer.sendFrame({ opcode: 0, payload: "b" });
    assertEquals(await first, { type: 1, data: "ab" });
  },
);

it(
  "44: readMessage() gives no part of a message that fails here",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 1, fin: false, payload: "half" });
    peer.end();
    const error = await assertRejects(() => conn.readMessage(), CloseError);
    assertEquals(error.code, 1006);
  },
);

it(
  "45: a read past its deadline leaves the connection readable here",
  async (conn, peer) => {
    conn.setReadDeadline(new Date(0));
    const error = await assertRejects(() => conn.readMessage(), DOMException);
    assertEquals(error.name, "TimeoutError");
    conn.setReadDeadline(null);
    peer.sendFrame({ opcode: 1, payload: "late" });
    assertEquals((await conn.readMessage()).data, "late");
  },
);

it(
  "46: corrupt compressed data fails the connection here: 1007",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 1, rsv: 4, payload: hex("ff ff ff ff") });
    await refused(conn, peer, 1007);
  },
  { compression: true },
);

it(
  "47: joinMessages() is one stream, the term behind each message; errors where the connection does",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 1, fin: false, payload: "o" });
    peer.sendFrame({ opcode: 0, payload: "ne" });
    peer.sendFrame({ opcode: 2, payload: "two" });
    peer.sendFrame({ opcode: 8, payload: closing(4000) });
    let text = "";
    const error = await assertRejects(async () => {
      for await (const part of joinMessages(conn, "|")) text += decode(part);
    }, CloseError);
    assertEquals(error.code, 4000);
    assertEquals(text, "one|two|");
  },
);

it(
  "47: joinMessages() ends here where the peer says good-bye",
  async (conn, peer) => {
    peer.sendFrame({ opcode: 1, payload: "one" });
    peer.sendFrame({ opcode: 8, payload: closing(1000) });
    assertEquals(await new Response(joinMessages(conn, "\n")).text(), "one\n");
  },
);

for (
  const [what, payload] of [["a second value", "1 2"], ["an empty message", ""]]
) {
  it(
    `48: readJSON() refuses ${what} by SyntaxError here, and goes on`,
    async (conn, peer) => {
      peer.sendFrame({ opcode: 1, payload: payload! });
      peer.sendFrame({ opcode: 1, payload: '{"a":1}\n' });
      await assertRejects(() => conn.readJSON(), SyntaxError);
      assertEquals(await conn.readJSON(), { a: 1 });
    },
  );
}
