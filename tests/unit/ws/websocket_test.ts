import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import http from "node:http";
import net from "node:net";

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { type Conn, connOver, dial, UnsupportedError } from "../../../mod.ts";
import { pipe, rawPeer } from "../../../src/testing/mod.ts";
import WebSocket, {
  type BinaryType,
  toWs,
  WebSocketServer,
} from "../../../src/ws/mod.ts";
import { accepting, withServer as withRaw } from "../../support/dial_server.ts";
import { deferred, hex, test, toHex } from "../../support/helper.ts";
import { listen } from "../../support/sockets.ts";
import { HeldStream, turn } from "../wire/held_stream.ts";
import { message, next, withPair, withServer } from "./support.ts";

test("WebSocket has the constants and the classes of ws on it", () => {
  for (const holder of [WebSocket, WebSocket.prototype]) {
    assertEquals(
      [holder.CONNECTING, holder.OPEN, holder.CLOSING, holder.CLOSED],
      [0, 1, 2, 3],
    );
  }
  assert(WebSocket.prototype instanceof EventEmitter);
  assertEquals(WebSocket.WebSocket, WebSocket);
  assertEquals(WebSocket.Server, WebSocketServer);
  assertEquals(WebSocket.WebSocketServer, WebSocketServer);
  assertEquals(typeof WebSocket.createWebSocketStream, "function");
});

test("WebSocket emits messages as Buffers, and whether they are binary", async () => {
  await withPair(async ({ ws, peer }) => {
    peer.send("Hällo");
    const [data, isBinary] = await next(ws, "message");
    assert(Buffer.isBuffer(data));
    assertEquals([data.toString(), isBinary], ["Hällo", false]);
    peer.send(hex("01 02"));
    const [bytes, binary] = await next(ws, "message");
    assert(Buffer.isBuffer(bytes));
    assertEquals([[...bytes], binary], [[1, 2], true]);
  });
});

test("WebSocket.send() takes what ws takes", async () => {
  await withPair(async ({ ws, peer }) => {
    const bytes = hex("00 61 62 63");
    const cases: [unknown, string, boolean][] = [
      ["text", "text", false],
      ["", "", false],
      [12, "12", false],
      [Buffer.from("ab"), "ab", true],
      [bytes.subarray(1, 3), "ab", true],
      [new DataView(bytes.buffer, 2), "bc", true],
      [bytes.buffer.slice(1), "abc", true],
      [[97, 98], "ab", true],
      [new Blob(["blob"]), "blob", true],
      [undefined, "", true],
      [null, "", true],
    ];
    for (const [data, text, isBinary] of cases) {
      ws.send(data as string);
      assertEquals(await message(peer), [text, isBinary]);
    }
    assertThrows(() => ws.send({} as never), TypeError);
    assertThrows(() => ws.send(true as never), TypeError);
    ws.send("binary", { binary: true });
    assertEquals(await message(peer), ["binary", true]);
    ws.send(Buffer.from("text"), { binary: false });
    assertEquals(await message(peer), ["text", false]);
  });
});

test("WebSocket.send() tells its callback, later, without an error", async () => {
  await withPair(async ({ ws, peer }) => {
    const done = deferred<unknown[]>();
    const first = message(peer);
    let sync = true;
    ws.send("a", (...args) => {
      assertEquals(sync, false);
      done.resolve(args);
    });
    sync = false;
    assertEquals(await done.promise, []);
    assertEquals(await first, ["a", false]);
    const again = deferred<unknown>();
    ws.send("b", { compress: false }, again.resolve as () => void);
    assertEquals(await again.promise, undefined);
    assertEquals(await message(peer), ["b", false]);
  });
});

test("WebSocket.send() sends fragments", async () => {
  await withRaw(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    let text = "";
    for (let fin = false; !fin;) {
      const frame = await peer.readFrame();
      text += new TextDecoder().decode(frame.payload);
      fin = frame.fin;
    }
    assertEquals(text, "one two three");
    await peer.expectFrame({ opcode: 1, payload: "next" });
  }, async (url) => {
    const ws = new WebSocket(url);
    const over = next(ws, "close");
    await next(ws, "open");
    ws.send("one ", { fin: false });
    ws.send("two ", { fin: false });
    ws.send("three");
    ws.send("next");
    await over;
  });
});

test("WebSocket.send() keeps its order behind a Blob, of pings and closes too", async () => {
  await withRaw(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.expectFrame({ opcode: 2, payload: "1" });
    await peer.expectFrame({ opcode: 1, payload: "2" });
    await peer.expectFrame({ opcode: 9, payload: "3" });
    const { payload } = await peer.expectFrame({ opcode: 8 });
    await peer.sendFrame({ opcode: 8, payload });
    peer.end();
    await peer.ended;
  }, async (url) => {
    const ws = new WebSocket(url);
    await next(ws, "open");
    ws.send(new Blob(["1"]));
    ws.send("2");
    assert(ws.bufferedAmount >= 2);
    ws.ping("3");
    ws.close(4000, "bye");
    assertEquals(ws.readyState, WebSocket.CLOSING);
    const [code, reason] = await next(ws, "close");
    assertEquals([code, String(reason)], [4000, "bye"]);
    assert(Buffer.isBuffer(reason));
  });
});

test("WebSocket throws while it connects, and tells callbacks when it is closed", async () => {
  await withPair(async ({ ws, url }) => {
    const early = new WebSocket(url);
    const opened = next(early, "open");
    for (const method of ["send", "ping", "pong"] as const) {
      assertThrows(
        () => early[method]("a"),
        Error,
        "readyState 0 (CONNECTING)",
      );
    }
    early.pause();
    assertEquals(early.isPaused, false);
    await opened;
    early.terminate();
    await next(early, "close");
    const over = next(ws, "close");
    ws.close();
    for (const state of ["2 (CLOSING)", "3 (CLOSED)"]) {
      for (const method of ["send", "ping", "pong"] as const) {
        const done = deferred<Error | undefined>();
        ws[method]("abc", undefined as never, done.resolve as () => void);
        assertEquals(
          (await done.promise)?.message,
          `WebSocket is not open: readyState ${state}`,
        );
      }
      await over;
    }
    assertEquals(ws.bufferedAmount, 18);
    ws.send("without a callback");
  });
});

test("WebSocket answers pings, emits pings and pongs, and sends them", async () => {
  await withPair(async ({ ws, peer }) => {
    const ping = next(peer, "ping");
    const pong = next(ws, "pong");
    ws.ping("alive?");
    const [data] = await ping;
    assert(Buffer.isBuffer(data));
    assertEquals(String(data), "alive?");
    assertEquals(String((await pong)[0]), "alive?");
    const done = deferred<unknown>();
    const unasked = next(peer, "pong");
    ws.pong(Buffer.from("x"), true, done.resolve as () => void);
    assertEquals(await done.promise, undefined);
    assertEquals(String((await unasked)[0]), "x");
    const empty = next(peer, "ping");
    const sent = deferred<unknown>();
    ws.ping(sent.resolve as () => void);
    assertEquals((await empty)[0].length, 0);
    await sent.promise;
    const number = next(peer, "ping");
    ws.ping(7);
    assertEquals(String((await number)[0]), "7");
    assertThrows(() => ws.ping("x".repeat(126)), RangeError);
    assertThrows(() => ws.ping(new Blob([])), TypeError);
  });
});

test("WebSocket does not answer pings without autoPong", async () => {
  const [conn, raw] = rawPeer({ side: "server" });
  const wss = new WebSocketServer({ noServer: true });
  wss.close();
  const ws = toWs(conn);
  await raw.sendFrame({ opcode: 9, payload: "a" });
  await next(ws, "ping");
  await raw.expectFrame({ opcode: 10, payload: "a" });
  raw.reset();
  await next(ws, "close");
  await withRaw(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.sendFrame({ opcode: 9, payload: "a" });
    await peer.expectFrame({ opcode: 1, payload: "pinged" });
  }, async (url) => {
    const client = new WebSocket(url, { autoPong: false });
    client.on("ping", () => client.send("pinged"));
    await next(client, "close");
  });
});

test("WebSocket emits control frames in the order of the wire", async () => {
  const [conn, raw] = rawPeer({ side: "client" });
  const ws = toWs(conn);
  const seen: string[] = [];
  ws.on("message", (data) => seen.push(`message ${data}`));
  ws.on("ping", (data) => seen.push(`ping ${data}`));
  ws.on("pong", (data) => seen.push(`pong ${data}`));
  raw.send(
    hex("81 01 31 81 01 32 89 01 33 81 01 34 8a 01 35 89 01 36 81 01 37 88 00"),
  );
  await raw.expectFrame({ opcode: 10, payload: "3" });
  await raw.expectFrame({ opcode: 10, payload: "6" });
  await raw.expectFrame({ opcode: 8 });
  raw.end();
  await next(ws, "close");
  assertEquals(seen, [
    "message 1",
    "message 2",
    "ping 3",
    "message 4",
    "pong 5",
    "ping 6",
    "message 7",
  ]);
});

test("WebSocket.pause() holds all events, and resume() lets them go", async () => {
  await withPair(async ({ ws, peer }) => {
    const seen: string[] = [];
    ws.on("message", (data) => seen.push(String(data)));
    ws.on("ping", (data) => seen.push(`ping ${data}`));
    assertEquals(ws.isPaused, false);
    ws.pause();
    assertEquals(ws.isPaused, true);
    peer.send("1");
    peer.ping("2");
    peer.send("3");
    ws.send("beat");
    await message(peer);
    assertEquals(seen, []);
    ws.resume();
    assertEquals(ws.isPaused, false);
    while (seen.length < 3) await next(ws, "message");
    assertEquals(seen, ["1", "ping 2", "3"]);
  });
});

test("WebSocket that is paused while it closes keeps so many control frames", async () => {
  const flooded = deferred();
  await withRaw(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.expectFrame({ opcode: 8 });
    const pings = Array.from(
      { length: 20_000 },
      (_, i) => Buffer.from([0x89, 2, i >> 8, i & 0xff]),
    );
    peer.send(Buffer.concat([...pings, hex("81 03 65 6e 64")]));
    await flooded.promise;
    peer.send(hex("89 01 35 88 00"));
    peer.end();
    await peer.ended;
  }, async (url) => {
    const { conn } = await dial(url);
    const ws = toWs(conn);
    await next(ws, "open");
    const seen: unknown[] = [];
    ws.on("ping", (data) => seen.push(data.toString("hex")));
    ws.on("message", (data) => seen.push(String(data)));
    ws.pause();
    ws.close();
    while (conn.stats.received.messages < 1) {
      await new Promise((turn) => setImmediate(turn));
    }
    assertEquals(seen, []);
    const over = next(ws, "close");
    ws.resume();
    flooded.resolve();
    await over;
    const kept = Array.from(
      { length: 256 },
      (_, i) => i.toString(16).padStart(4, "0"),
    );
    assertEquals(seen, [...kept, "end", "35"]);
  });
});

test("WebSocket.resume() emits the pings that have come alone", async () => {
  await withRaw(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.expectFrame({ opcode: 8 });
    peer.send(hex("89 01 31 89 01 32"));
    await peer.ended;
  }, async (url) => {
    const { conn } = await dial(url);
    const ws = toWs(conn);
    await next(ws, "open");
    const seen: string[] = [];
    ws.on("ping", (data) => seen.push(String(data)));
    ws.pause();
    ws.close();
    while (conn.stats.received.wireBytes! < 6) {
      await new Promise((turn) => setImmediate(turn));
    }
    assertEquals(seen, []);
    const first = next(ws, "ping");
    ws.resume();
    await first;
    assertEquals([conn.state, seen], ["closing", ["1", "2"]]);
    const over = next(ws, "close");
    ws.terminate();
    await over;
  });
});

test("WebSocket.pause() by a listener of pings keeps the message behind them", async () => {
  const [conn, raw] = rawPeer({ side: "client" });
  const ws = toWs(conn);
  await next(ws, "open");
  const seen: string[] = [];
  ws.on("ping", (data) => {
    seen.push(`ping ${data}`);
    ws.pause();
  });
  ws.on("message", (data) => seen.push(`message ${data}`));
  ws.pause();
  ws.close();
  await raw.expectFrame({ opcode: 8 });
  raw.send(hex("89 01 31 89 01 32 81 01 33"));
  const turns = async (done: () => boolean) => {
    for (let i = 0; i < 10 || !done(); i++) {
      await new Promise((turn) => setImmediate(turn));
    }
  };
  await turns(() => conn.stats.received.messages === 1);
  const all = ["ping 1", "ping 2", "message 3"];
  for (let count = 1; count <= all.length; count++) {
    ws.resume();
    await turns(() => seen.length >= count);
    assertEquals(seen, all.slice(0, count));
  }
  const over = next(ws, "close");
  ws.terminate();
  raw.destroy();
  await over;
});

test("WebSocket.pause() may be called by a listener, and keeps what follows", async () => {
  await withPair(async ({ ws, peer }) => {
    const seen: string[] = [];
    const first = deferred();
    ws.on("message", (data) => {
      seen.push(String(data));
      ws.pause();
      first.resolve();
    });
    peer.send("1");
    peer.send("2");
    await first.promise;
    ws.send("beat");
    await message(peer);
    assertEquals(seen, ["1"]);
    const second = next(ws, "message");
    ws.resume();
    await second;
    assertEquals(seen, ["1", "2"]);
    const over = next(ws, "close");
    peer.terminate();
    ws.terminate();
    await over;
  });
});

test("WebSocket.binaryType says how binary messages are given", async () => {
  await withPair(async ({ ws, peer }) => {
    assertEquals(ws.binaryType, "nodebuffer");
    ws.binaryType = "other" as never;
    assertEquals(ws.binaryType, "nodebuffer");
    const get = async (type: BinaryType) => {
      ws.binaryType = type;
      peer.send(hex("01 02"));
      return (await next(ws, "message"))[0];
    };
    const buffer = await get("arraybuffer");
    assertInstanceOf(buffer, ArrayBuffer);
    assertEquals(new Uint8Array(buffer), hex("01 02"));
    const fragments = await get("fragments");
    assertEquals(fragments.map((part: Buffer) => [...part]), [[1, 2]]);
    const blob = await get("blob");
    assertInstanceOf(blob, Blob);
    assertEquals(blob.size, 2);
    // Text is a Buffer always.
    peer.send("text");
    assert(Buffer.isBuffer((await next(ws, "message"))[0]));
  });
});

test("WebSocket.close() closes with a code and a reason, and goes on reading", async () => {
  await withPair(async ({ ws, peer }) => {
    const closed = next(peer, "close");
    const over = next(ws, "close");
    const late = message(ws);
    peer.send("late");
    ws.close(4000, Buffer.from("bye"));
    assertEquals(ws.readyState, 2);
    ws.close(1000);
    assertEquals(await late, ["late", false]);
    const [code, reason] = await closed;
    assertEquals([code, String(reason)], [4000, "bye"]);
    // The answer has the reason as well.
    const [answer, echoed] = await over;
    assertEquals([answer, String(echoed)], [4000, "bye"]);
    assertEquals([ws.readyState, peer.readyState], [3, 3]);
    ws.close();
    ws.terminate();
  });
});

test("WebSocket.close() without a code is 1005", async () => {
  await withPair(async ({ ws, peer }) => {
    const closed = next(peer, "close");
    ws.close();
    const [code, reason] = await closed;
    assertEquals([code, reason.length], [1005, 0]);
  });
});

test("WebSocket.close() sends a reason as it is, text or bytes", async () => {
  for (const reason of ["\ufeffä", Buffer.from("\ufeffä")]) {
    await withPair(async ({ ws, peer }) => {
      ws.close(1000, reason);
      assertEquals(String((await next(peer, "close"))[1]), "\ufeffä");
    });
  }
});

test("WebSocket.close() throws for what may not be sent", async () => {
  await withPair(({ ws }) => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, "1000"]) {
      assertThrows(() => ws.close(code as number), TypeError);
    }
    assertThrows(() => ws.close(1000, "x".repeat(124)), RangeError);
    assertThrows(() => ws.close(1000, "ä".repeat(62)), RangeError);
    assertThrows(() => ws.close(1000, hex("61 ff")), TypeError, "UTF-8");
    assertEquals(ws.readyState, 1);
    return Promise.resolve();
  });
});

test("WebSocket.terminate() cuts, and emits nothing but close", async () => {
  await withPair(async ({ ws, peer }) => {
    const closed = next(peer, "close");
    peer.on("error", () => assert(false));
    ws.on("message", () => assert(false));
    peer.send("never");
    ws.terminate();
    assertEquals(ws.readyState, 2);
    const [code] = await next(ws, "close");
    assertEquals(code, 1006);
    assertEquals((await closed)[0], 1006);
  });
});

test("WebSocket.close() and terminate() give up what is being dialed", async () => {
  await withRaw(async (peer) => {
    await peer.ended;
  }, async (url) => {
    for (const method of ["close", "terminate"] as const) {
      const ws = new WebSocket(url);
      const error = next(ws, "error");
      const over = next(ws, "close");
      ws[method]();
      assertEquals(ws.readyState, 2);
      assertEquals(
        (await error)[0].message,
        "WebSocket was closed before the connection was established",
      );
      assertEquals((await over)[0], 1006);
    }
  }, { count: 0 });
});

test("WebSocket emits error, then close, with the system's code", async () => {
  const ws = new WebSocket("ws://127.0.0.1:1");
  const over = next(ws, "close");
  const [error] = await next(ws, "error");
  assertEquals(error.code, "ECONNREFUSED");
  assertEquals((await over)[0], 1006);
});

test("WebSocket emits an answer that is no 101 as an error, or to who listens", async () => {
  await withServer(async (url) => {
    const ws = new WebSocket(`${url}nowhere`);
    const over = next(ws, "close");
    assertEquals(
      (await next(ws, "error"))[0].message,
      "Unexpected server response: 400",
    );
    await over;
    const told = new WebSocket(`${url}nowhere`);
    told.on("error", () => {});
    const [request, response] = await next(told, "unexpected-response");
    assertEquals(response.statusCode, 400);
    assertEquals(response.headers.connection, "close");
    let body = "";
    response.on("data", (chunk: Buffer) => body += chunk);
    await next(response, "end");
    assertEquals(body, "Bad Request");
    request.destroy();
    assertEquals(told.readyState, 0);
    told.terminate();
    await next(told, "close");
  }, { path: "/somewhere" });
});

test("WebSocket sends headers, an origin, authorization and subprotocols", async () => {
  await withServer(async (url, wss) => {
    const came = next(wss, "connection");
    const ws = new WebSocket(url.replace("//", "//us:p%20w@"), ["a", "b"], {
      headers: { "X-One": 1, "X-Many": ["2", "3"], "X-None": undefined },
      origin: "https://example.com",
    });
    const upgrade = next(ws, "upgrade");
    await next(ws, "open");
    const [response] = await upgrade;
    assertEquals(response.statusCode, 101);
    assertEquals(response.headers.upgrade, "websocket");
    assertEquals(ws.protocol, "a");
    const [, request] = await came;
    const { headers } = request;
    assertEquals(headers["x-one"], "1");
    assertEquals(headers["x-many"], "2, 3");
    assertEquals(headers.origin, "https://example.com");
    assertEquals(headers.authorization, `Basic ${btoa("us:p w")}`);
    ws.close();
    await next(ws, "close");
  });
});

test("WebSocket takes options in the place of subprotocols, and within", async () => {
  await withServer(async (url) => {
    const socket = new WebSocket(url, { protocols: ["b"], auth: "a:b" });
    await next(socket, "open");
    assertEquals([socket.protocol, socket.url], ["b", url]);
    socket.terminate();
    await next(socket, "close");
    const http = new WebSocket(url.replace("ws:", "http:"), "a");
    assertEquals(http.url, url);
    await next(http, "open");
    assertEquals(http.protocol, "a");
    http.terminate();
    await next(http, "close");
  });
});

test("WebSocket fails where the server chooses no subprotocol", async () => {
  await withServer(async (url) => {
    const ws = new WebSocket(url, "a");
    const over = next(ws, "close");
    const [error] = await next(ws, "error");
    assertEquals(error.message, "Server sent no subprotocol");
    await over;
  }, { handleProtocols: () => false });
});

test("WebSocket throws at once for what is malformed or cannot be done", () => {
  const syntax: [string, unknown?][] = [
    ["nowhere"],
    ["ftp://localhost/"],
    ["ws://localhost/#a"],
    ["ws://localhost/", "a b"],
    ["ws://localhost/", ["a", "a"]],
  ];
  for (const [url, protocols] of syntax) {
    assertThrows(() => new WebSocket(url, protocols as string), SyntaxError);
  }
  const url = "ws://127.0.0.1:1/";
  for (
    const name of ["agent", "finishRequest", "generateMask", "lookup", "pfx"]
  ) {
    const error = assertThrows(
      () => new WebSocket(url, { [name]: () => {} }),
      UnsupportedError,
    );
    assertMatch(error.message, new RegExp(`option ${name} of ws: `));
  }
  assertThrows(
    () => new WebSocket(url, { protocolVersion: 8 }),
    UnsupportedError,
  );
  assertThrows(() => new WebSocket(url, { protocolVersion: 9 }), RangeError);
  assertThrows(() => new WebSocket(url, { headers: { "a b": "" } }), TypeError);
});

test("WebSocket fails at a message over maxPayload with 1009 and ws's code", async () => {
  await withPair(
    async ({ ws, peer }) => {
      const closed = next(peer, "close");
      const error = next(ws, "error");
      const over = next(ws, "close");
      peer.send("x".repeat(101));
      const [fault] = await error;
      assertInstanceOf(fault, RangeError);
      assertEquals(
        (fault as Error & { code?: string }).code,
        "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
      );
      assertEquals((await over)[0], 1006);
      assertEquals((await closed)[0], 1009);
    },
    {},
    { maxPayload: 100 },
  );
});

test("WebSocket emits what broke the protocol, with ws's codes", async () => {
  const cases: [string, string, number][] = [
    ["81 81 00 00 00 00 61", "WS_ERR_UNEXPECTED_MASK", 1002],
    ["81 01 ff", "WS_ERR_INVALID_UTF8", 1007],
    ["c1 00", "WS_ERR_UNEXPECTED_RSV_1", 1002],
    ["91 00", "WS_ERR_UNEXPECTED_RSV_2_3", 1002],
    ["83 00", "WS_ERR_INVALID_OPCODE", 1002],
    ["80 00", "WS_ERR_INVALID_OPCODE", 1002],
    ["09 00", "WS_ERR_EXPECTED_FIN", 1002],
    ["89 7e 00 7e", "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", 1002],
    ["88 01 03", "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", 1002],
    ["88 02 03 ed", "WS_ERR_INVALID_CLOSE_CODE", 1002],
    [
      "82 7f ff ff ff ff ff ff ff ff",
      "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
      1002,
    ],
  ];
  for (const [bytes, code, status] of cases) {
    const [conn, raw] = rawPeer({ side: "client" });
    const ws = toWs(conn);
    const error = next(ws, "error");
    const over = next(ws, "close");
    raw.send(hex(bytes));
    await raw.expectClose(status);
    raw.end();
    assertEquals((await error)[0].code, code, bytes);
    assertEquals((await over)[0], 1006);
  }
});

test("WebSocket compresses, by default as a client", async () => {
  await withPair(async ({ ws, peer }) => {
    assertEquals(ws.extensions, "permessage-deflate");
    assertEquals(peer.extensions, "permessage-deflate");
    const text = "x".repeat(100_000);
    ws.send(text);
    assertEquals((await message(peer))[0], text);
    peer.send(text, { compress: false });
    assertEquals((await message(ws))[0], text);
  }, { perMessageDeflate: true });
  await withPair(
    ({ ws }) => {
      assertEquals(ws.extensions, "");
      return Promise.resolve();
    },
    { perMessageDeflate: true },
    { perMessageDeflate: false },
  );
});

test("WebSocket.addEventListener() and its attributes give events", async () => {
  await withPair(async ({ ws, peer }) => {
    const seen: unknown[] = [];
    const listener = (
      event: { data: unknown; type: string; target: unknown },
    ) => seen.push(event.data, event.type, event.target === ws);
    ws.addEventListener("message", listener);
    ws.addEventListener("message", listener);
    ws.addEventListener("message", { handleEvent: () => seen.push("once") }, {
      once: true,
    });
    ws.onmessage = function ({ data }) {
      seen.push(this === ws, data);
    };
    assertEquals(typeof ws.onmessage, "function");
    peer.send("a");
    await message(ws);
    assertEquals(seen.splice(0), ["a", "message", true, "once", true, "a"]);
    ws.removeEventListener("message", listener);
    ws.onmessage = null;
    assertEquals(ws.onmessage, null);
    ws.onmessage = "text" as never;
    assertEquals(ws.onmessage, null);
    peer.send(hex("61"));
    await message(ws);
    assertEquals(seen, []);
    const closed = deferred<unknown[]>();
    ws.onclose = ({ code, reason, wasClean, type }) =>
      closed.resolve([code, reason, wasClean, type]);
    peer.close(4001, "bye");
    assertEquals(await closed.promise, [4001, "bye", true, "close"]);
  });
});

test("WebSocket.onerror gets the error and its message", async () => {
  const ws = new WebSocket("ws://127.0.0.1:1");
  const seen = deferred<unknown[]>();
  ws.onerror = ({ error, message, type }) =>
    seen.resolve([error instanceof Error, typeof message, type]);
  const over = next(ws, "close");
  assertEquals(await seen.promise, [true, "string", "error"]);
  await over;
});

test("WebSocket follows redirects where it is told to", async () => {
  await withServer(async (url) => {
    const seen: http.IncomingHttpHeaders[] = [];
    const server = http.createServer();
    server.on("upgrade", ({ headers, url: path }, socket) => {
      seen.push(headers);
      const location = path === "/loop" ? "/loop" : `${url}target`;
      socket.end(
        `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nConnection: close\r\n\r\n`,
      );
    });
    const port = await listen(server);
    const from = `ws://127.0.0.1:${port}/`;
    const ws = new WebSocket(from, {
      followRedirects: true,
      headers: { Authorization: "Bearer secret" },
    });
    await next(ws, "open");
    assertEquals(ws.url, `${url}target`);
    assertEquals(seen.length, 1);
    ws.terminate();
    await next(ws, "close");

    const loop = new WebSocket(`${from}loop`, {
      followRedirects: true,
      maxRedirects: 2,
    });
    let redirects = 0;
    loop.on("redirect", () => redirects++);
    const over = next(loop, "close");
    const [error] = await next(loop, "error");
    assertEquals([error.message, redirects], ["Maximum redirects exceeded", 2]);
    await over;

    const not = new WebSocket(from);
    const end = next(not, "close");
    assertEquals(
      (await next(not, "error"))[0].message,
      "Unexpected server response: 302",
    );
    await end;
    server.close();
  }, { verifyClient: ({ req }) => req.headers.authorization === undefined });
});

test("WebSocket connects by createConnection, and has a handshakeTimeout", async () => {
  await withServer(async (url) => {
    const { port } = new URL(url);
    let asked: unknown;
    const ws = new WebSocket("ws://example.com/", {
      createConnection: (options) => {
        asked = [options.host, options.port];
        return net.connect(Number(port), "127.0.0.1");
      },
    });
    await next(ws, "open");
    assertEquals(asked, ["example.com", 80]);
    ws.terminate();
    await next(ws, "close");
  });
  await withRaw(async (peer) => {
    await peer.ended;
  }, async (url) => {
    const ws = new WebSocket(url, { handshakeTimeout: 50 });
    const over = next(ws, "close");
    assertEquals(
      (await next(ws, "error"))[0].message,
      "Opening handshake has timed out",
    );
    await over;
  });
});

test("WebSocket is cut when the closing handshake takes longer than closeTimeout", async () => {
  await withRaw(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.readFrame();
    await peer.ended;
  }, async (url) => {
    const ws = new WebSocket(url, { closeTimeout: 50 });
    await next(ws, "open");
    ws.close();
    assertEquals((await next(ws, "close"))[0], 1006);
  });
});

test("toWs() is open at once, on either side, and gives what came before", async () => {
  const [client, server] = pipe({ subprotocol: "a" });
  client.send("early");
  await server.ping();
  const ws = toWs(server);
  assertEquals([ws.readyState, ws.protocol, ws.url], [1, "a", undefined]);
  const first = message(ws);
  await next(ws, "open");
  assertEquals(await first, ["early", false]);
  const peer = toWs(client);
  ws.send("a");
  assertEquals(await message(peer), ["a", false]);
  const over = Promise.all([next(ws, "close"), next(peer, "close")]);
  peer.close();
  await over;
});

test("toWs() takes connections only, and fails where somebody else reads", async () => {
  assertThrows(() => toWs({} as Conn), TypeError);
  const [client, server] = pipe();
  const read = server.readMessage().catch(() => {});
  const ws = toWs(server);
  const over = next(ws, "close");
  const [error] = await next(ws, "error");
  assertEquals(error.name, "InvalidStateError");
  await Promise.all([read, over, client.closed]);
});

test("WebSocket shows the addresses of its socket to who looks for them", async () => {
  await withPair(async ({ ws, peer, url }) => {
    const view = (ws: WebSocket) =>
      ws._socket as {
        remoteAddress: string;
        remotePort: number;
        localPort: number;
      };
    const port = Number(new URL(url).port);
    assertEquals(view(ws).remoteAddress, "127.0.0.1");
    assertEquals([view(ws).remotePort, view(peer).localPort], [port, port]);
    assertEquals(view(peer).remotePort, view(ws).localPort);
    const early = new WebSocket(url);
    assertEquals(early._socket, null);
    await next(early, "open");
    early.terminate();
    await next(early, "close");
  });
});

test("WebSocket gives one event a turn without allowSynchronousEvents", async () => {
  await withPair(
    async ({ ws, peer }) => {
      peer.send("1");
      peer.send("2");
      peer.send("3");
      for (const text of ["1", "2", "3"]) {
        assertEquals(await message(ws), [text, false]);
        for (let i = 0; i < 20; i++) await Promise.resolve();
      }
    },
    {},
    { allowSynchronousEvents: false },
  );
});

test("WebSocket.send() tells its callback once the bytes are written", async () => {
  const stream = new HeldStream();
  const ws = toWs(connOver(stream, { side: "server" }));
  const told: string[] = [];
  ws.send("a", () => told.push("a"));
  await turn();
  assertEquals([told, stream.busy], [[], true]);
  // Behind a write, even one of another frame's.
  ws.send("b", () => told.push("b"));
  ws.ping();
  await turn();
  stream.release();
  await turn();
  assertEquals([told, stream.writes.map(toHex)], [["a"], [
    "81 01 61",
    "89 00",
  ]]);
  stream.release();
  await turn();
  assertEquals([told, stream.writes.length], [["a"], 3]);
  stream.release();
  await turn();
  assertEquals(told, ["a", "b"]);
  const failed = deferred<unknown>();
  ws.send("c", failed.resolve);
  await turn();
  ws.terminate();
  stream.release(new Error("gone"));
  stream.receiver!.closed();
  assertInstanceOf(await failed.promise, Error);
});

test("WebSocket.send() has written when it tells its callback, compressed too", async () => {
  for (const perMessageDeflate of [false, true]) {
    await withPair(
      async ({ ws, peer }) => {
        // Random bytes are as many when they are compressed.
        const large = Buffer.from(randomText(12_000));
        const sizes: number[] = [];
        const over = next(peer, "close");
        peer.on("message", (data) => sizes.push((data as Buffer).length));
        ws.send("first", () => {
          ws.send(large, () => ws.send("last", () => ws.terminate()));
        });
        await over;
        assertEquals(sizes, [5, large.length, 4]);
      },
      { perMessageDeflate },
      { perMessageDeflate },
    );
  }
});

test("WebSocket.send() tells of no error where a close follows", async () => {
  for (const size of [1, 140_000, 3_000_000]) {
    for (const data of [Buffer.alloc(size, 97), "a".repeat(size)]) {
      await withPair(async ({ ws, peer }) => {
        const done = deferred<unknown>();
        const sizes: number[] = [];
        const over = next(peer, "close");
        peer.on("message", (data) => sizes.push((data as Buffer).length));
        ws.send(data, { compress: false }, done.resolve as () => void);
        ws.close(1000);
        assertEquals(await done.promise, undefined);
        await over;
        assertEquals(sizes, [size]);
      });
    }
  }
});

test("WebSocket.close() waits for a Blob with the longest of times, and with none", async () => {
  for (const closeTimeout of [2 ** 32, null]) {
    await withPair(
      async ({ ws, peer }) => {
        const received = message(peer);
        const over = next(peer, "close");
        ws.send(new Blob(["blob"]));
        ws.close(1000);
        assertEquals(await received, ["blob", true]);
        assertEquals((await over)[0], 1000);
      },
      { closeTimeout: closeTimeout as number },
      { closeTimeout: closeTimeout as number },
    );
  }
});

test("WebSocket.terminate() cuts behind what was sent", async () => {
  for (const size of [1, 60_000]) {
    await withPair(async ({ ws, peer }) => {
      const sizes: number[] = [];
      peer.on("message", (data) => sizes.push((data as Buffer).length));
      const over = next(peer, "close");
      ws.send("a".repeat(size), { compress: false });
      ws.send("bc");
      ws.send("def");
      ws.terminate();
      await over;
      assertEquals(sizes, [size, 2, 3]);
    });
  }
});

test("WebSocket.terminate() tells of what the system has taken as sent", async () => {
  for (const side of ["ws", "peer"] as const) {
    // More than one write.
    for (const size of [1, 60_000]) {
      await withPair(
        async (pair) => {
          const from = pair[side];
          const over = next(from, "close");
          const told: unknown[] = [];
          for (const text of ["a", "b", "c"]) {
            from.send(text.repeat(size), (error) => told.push(error));
          }
          from.ping("d", true, (error) => told.push(error));
          from.terminate();
          from.terminate();
          assertEquals(from.readyState, 2);
          await over;
          assertEquals(told, Array(4).fill(undefined));
        },
        {},
        { perMessageDeflate: false },
      );
    }
  }
});

test("WebSocket.terminate() tells of what the system has not taken as lost", async () => {
  const stream = new HeldStream();
  const ws = toWs(connOver(stream, { side: "server" }));
  const told: unknown[] = [];
  ws.send("a", (error) => told.push(error));
  ws.ping("b", false, (error) => told.push(error));
  ws.on("ping", () => assert(false));
  ws.terminate();
  stream.receiver!.data(hex("89 80 00 00 00 00"));
  await turn();
  await turn();
  assertEquals(stream.writes.map(toHex), ["81 01 61"]);
  assert(stream.calls.includes("destroy"));
  stream.receiver!.closed();
  await next(ws, "close");
  assertEquals(told.length, 2);
  for (const error of told) assertInstanceOf(error, Error);
});

test("WebSocket.close() follows a message in fragments, and what is behind it", async () => {
  await withPair(async ({ ws, peer }) => {
    const messages: string[] = [];
    peer.on("message", (data) => messages.push(String(data)));
    const over = next(peer, "close");
    ws.send("a", { fin: false });
    ws.send("b", { fin: true });
    ws.send("c");
    ws.close(1000);
    assertEquals((await over)[0], 1000);
    assertEquals(messages, ["ab", "c"]);
  });
});

class Reading extends Blob {
  readonly #bytes: Promise<ArrayBuffer>;

  constructor(bytes: Promise<ArrayBuffer>) {
    super(["123"]);
    this.#bytes = bytes;
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes;
  }
}

test("WebSocket.close() is limited by closeTimeout behind a Blob, too", async () => {
  await withPair(
    async ({ ws }) => {
      ws.send(new Reading(new Promise(() => {})));
      ws.close();
      assertEquals((await next(ws, "close"))[0], 1006);
    },
    {},
    { closeTimeout: 50 },
  );
});

test("WebSocket.send() tells of a Blob that cannot be read, and fails", async () => {
  await withPair(async ({ ws, peer }) => {
    const told: unknown[] = [];
    peer.on("message", () => assert(false));
    const over = next(peer, "close");
    const reading = deferred<ArrayBuffer>();
    const unreadable = new Error("unreadable");
    ws.on("error", (error) => told.push(["event", error]));
    ws.send(
      new Reading(reading.promise),
      (error) => told.push(["blob", error]),
    );
    ws.send("behind", (error) => told.push(["behind", error]));
    reading.reject(unreadable);
    assertEquals((await next(ws, "close"))[0], 1006);
    assertEquals(ws.bufferedAmount, 0);
    assertEquals(told, [
      ["blob", unreadable],
      ["behind", unreadable],
      ["event", unreadable],
    ]);
    assertEquals((await over)[0], 1006);
  });
});

test("WebSocket.send() tells of a text that is no UTF-8, behind a Blob, too", async () => {
  await withPair(async ({ ws }) => {
    ws.send(new Blob(["first"]));
    ws.send(hex("ff"), { binary: false });
    assertInstanceOf((await next(ws, "error"))[0], TypeError);
    assertEquals((await next(ws, "close"))[0], 1006);
  });
});

function randomText(size: number): string {
  let text = "";
  while (text.length < size) text += Math.random().toString(36).slice(2);
  return text.slice(0, size);
}
