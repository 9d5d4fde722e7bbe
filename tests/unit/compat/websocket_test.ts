import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertThrows,
} from "@std/assert";
import {
  BadHandshakeError,
  type Conn,
  Dialer,
  MemoryCookieJar,
  ReadLimitError,
  serve,
  type ServeOptions,
} from "../../../mod.ts";
import { toWebSocket, WebSocket } from "../../../src/compat/mod.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { Child } from "../../support/child.ts";
import { deferred, test } from "../../support/helper.ts";
import { ca, certificate } from "../../support/http_server.ts";

async function withEcho(
  fn: (url: string) => Promise<void>,
  options: ServeOptions = {},
): Promise<void> {
  await using server = await serve(async (conn) => {
    for await (const { type, data } of conn) {
      await conn.writeMessage(type, data);
    }
  }, { port: 0, hostname: "127.0.0.1", ...options });
  await fn(`ws://127.0.0.1:${server.addr.port}/`);
}

function next<T extends Event>(socket: EventTarget, type: string): Promise<T> {
  return new Promise((resolve) => {
    socket.addEventListener(type, (event) => resolve(event as T), {
      once: true,
    });
  });
}

async function echoed(socket: WebSocket, text: string): Promise<void> {
  socket.send(text);
  assertEquals((await next<MessageEvent>(socket, "message")).data, text);
  const over = next<CloseEvent>(socket, "close");
  socket.close(1000);
  assertEquals((await over).wasClean, true);
}

test("WebSocket fits where the platform's types want theirs", () => {
  const type: typeof globalThis.WebSocket = WebSocket;
  const take = (_socket: globalThis.WebSocket): void => {};
  take(type.prototype);
});

test("WebSocket sends headers, compresses, and tells the extensions", async () => {
  let authorization: string | null = null;
  await withEcho(async (url) => {
    const socket = new WebSocket(url, ["a"], {
      headers: { Authorization: "Bearer secret" },
      enableCompression: true,
    });
    await next(socket, "open");
    assertEquals(socket.protocol, "a");
    assertMatch(socket.extensions, /^permessage-deflate; /);
    assertEquals(authorization, "Bearer secret");
    await echoed(socket, "x".repeat(10_000));
  }, {
    upgrader: {
      enableCompression: true,
      subprotocols: ["a"],
      authorize: ({ headers }) => {
        authorization = headers.get("authorization");
      },
    },
  });
});

test("WebSocket dials with a Dialer, whose subprotocols are the default", async () => {
  const jar = new MemoryCookieJar();
  const dialer = new Dialer({ subprotocols: ["b"], jar });
  await withEcho(async (url) => {
    for (const [protocols, chosen] of [[[], "b"], [["a"], "a"]] as const) {
      const socket = new WebSocket(url, protocols, { dialer });
      await next(socket, "open");
      assertEquals(socket.protocol, chosen);
      assertEquals(await jar.getCookies(new URL(url)), "seen=1");
      await echoed(socket, "a");
    }
  }, {
    upgrader: {
      subprotocols: ["a", "b"],
      authorize: () => ({ headers: { "Set-Cookie": "seen=1" } }),
    },
  });
});

test("WebSocket speaks TLS by the option tls, and no other way", async () => {
  await withEcho(async (url) => {
    const secure = url.replace("ws:", "https:");
    const socket = new WebSocket(secure, [], { tls: { ca } });
    assertEquals(socket.url, url.replace("ws:", "wss:"));
    await next(socket, "open");
    await echoed(socket, "a");
    const stranger = new WebSocket(secure);
    const over = next<CloseEvent>(stranger, "close");
    const { error } = await next<ErrorEvent>(stranger, "error");
    assertEquals(error.phase, "tls");
    assertEquals((await over).code, 1006);
  }, { tls: certificate });
});

test("WebSocket refuses options that are wrong at once", () => {
  const url = "ws://127.0.0.1:1/";
  const dialer = new Dialer();
  const wrong: [unknown, RegExp][] = [
    [{ headers: { "a b": "c" } }, /header/i],
    [{ headers: { Upgrade: "x" } }, /Upgrade/],
    [{ haeders: {} }, /did you mean headers/],
    [{ dialer: {} }, /it must be a Dialer/],
    [{ dialer, proxy: "http://localhost/" }, /option proxy beside dialer/],
    [{ proxy: "ftp://localhost/" }, /proxy/],
    [{ keepAlive: false }, /keepAlive/],
  ];
  for (const [options, message] of wrong) {
    const error = assertThrows(
      () => new WebSocket(url, [], options as never),
      TypeError,
    );
    assertMatch(error.message, message);
  }
});

test("WebSocket tells in its error event why it failed", async () => {
  await withEcho(async (url) => {
    const socket = new WebSocket(url);
    const error = next<ErrorEvent>(socket, "error");
    const over = next<CloseEvent>(socket, "close");
    assertInstanceOf((await error).error, BadHandshakeError);
    assertEquals((await error).error.response.status, 401);
    assertMatch((await error).message, /401/);
    assertEquals((await over).code, 1006);
  }, {
    upgrader: { authorize: () => new Response(null, { status: 401 }) },
  });
});

test("WebSocket fails at a message of more than 16 MiB, or its Dialer's limit", async () => {
  await using server = await serve(async (conn) => {
    await conn.send(new Uint8Array(16 * 1024 * 1024 + 1));
    await conn.closed;
  }, { port: 0, hostname: "127.0.0.1" });
  const url = `ws://127.0.0.1:${server.addr.port}`;
  const socket = new WebSocket(url);
  const error = next<ErrorEvent>(socket, "error");
  const over = next<CloseEvent>(socket, "close");
  assertInstanceOf((await error).error, ReadLimitError);
  assertEquals((await over).code, 1006);

  const dialer = new Dialer({ readLimit: 20_000_000 });
  const raised = new WebSocket(url, [], { dialer });
  raised.binaryType = "arraybuffer";
  const { data } = await next<MessageEvent>(raised, "message");
  assertEquals(data.byteLength, 16 * 1024 * 1024 + 1);
  const closed = next(raised, "close");
  raised.close();
  await closed;
});

test("WebSocket is heard by other listeners, and goes on, when one throws", async () => {
  await withEcho(async (url) => {
    const file = new URL("./throwing_child.ts", import.meta.url);
    await using child = new Child(file, [url]);
    assertEquals(await child.read(), {
      heard: ["a", "b"],
      reported: ["open", "a", "b", "close"],
    });
  });
});

test("WebSocket may be subclassed", async () => {
  class Counting extends WebSocket {
    sent = 0;
    override send(data: string): void {
      this.sent++;
      super.send(data);
    }
  }
  await withEcho(async (url) => {
    const socket = new Counting(url);
    await next(socket, "open");
    await echoed(socket, "a");
    assertEquals([socket.sent, socket instanceof WebSocket], [1, true]);
  });
});

test("WebSocket is cut by a Blob that cannot be read", async () => {
  await withEcho(async (url) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    const blob = new Blob(["a"]);
    const fault = new Error("Gone");
    Object.defineProperty(blob, "arrayBuffer", {
      value: () => Promise.reject(fault),
    });
    const error = next<ErrorEvent>(socket, "error");
    const over = next<CloseEvent>(socket, "close");
    socket.send(blob);
    socket.send("behind");
    assertEquals((await error).error, fault);
    assertEquals((await over).code, 1006);
    assertEquals(socket.bufferedAmount, 7);
  });
});

test("toWebSocket() is open at once, on either side", async () => {
  const [client, server] = pipe({ subprotocol: "a" });
  const [a, b] = [toWebSocket(client), toWebSocket(server)];
  assertEquals([a.readyState, b.readyState], [1, 1]);
  assertEquals([a.url, a.protocol, a.extensions], ["", "a", ""]);
  a.send("early");
  assertEquals((await next<MessageEvent>(b, "message")).data, "early");
  const [over, there] = [
    next<CloseEvent>(a, "close"),
    next<CloseEvent>(b, "close"),
  ];
  b.close(4000, "bye");
  assertEquals([(await over).code, (await over).reason], [4000, "bye"]);
  // The answer has the reason as well, as that of browsers.
  const { reason, wasClean } = await there;
  assertEquals([reason, wasClean], ["bye", true]);
});

test("toWebSocket() gives what has come before, also of a connection that is over", async () => {
  const [client, server] = pipe();
  client.send("a");
  client.send("b");
  await client.close();
  await server.closed;
  const socket = toWebSocket(server);
  const heard: string[] = [];
  socket.onmessage = ({ data }) => heard.push(data);
  assertEquals((await next<CloseEvent>(socket, "close")).code, 1000);
  assertEquals([heard, socket.readyState], [["a", "b"], 3]);
});

test("toWebSocket() of a connection that is over is closed", async () => {
  const [client, server] = pipe();
  await client.close();
  await server.closed;
  const socket = toWebSocket(server);
  assertEquals(socket.readyState, 3);
  socket.onopen = () => assert(false);
  assertEquals((await next<CloseEvent>(socket, "close")).code, 1000);
});

test("toWebSocket() fails where somebody else reads", async () => {
  const [client, server] = pipe();
  const read = server.readMessage().catch(() => {});
  const socket = toWebSocket(server);
  const { error } = await next<ErrorEvent>(socket, "error");
  assertEquals(error.name, "InvalidStateError");
  await Promise.all([read, client.closed, server.closed]);
});

test("toWebSocket() takes connections only", () => {
  for (const value of [undefined, null, {}, "ws://localhost/"]) {
    assertThrows(() => toWebSocket(value as unknown as Conn), TypeError);
  }
});

test("toWebSocket() keeps sending behind a peer that reads slowly", async () => {
  const [client, server] = pipe({ bufferSize: 1024 });
  const socket = toWebSocket(client);
  socket.send("x".repeat(1_000_000));
  socket.send("end");
  assert(socket.bufferedAmount > 500_000);
  const done = deferred();
  setTimeout(done.resolve, 0);
  await done.promise;
  assert(socket.bufferedAmount > 500_000);
  await server.readMessage();
  await server.readMessage();
  const over = next(socket, "close");
  socket.close();
  await Promise.all([over, server.closed]);
  assertEquals(socket.bufferedAmount, 0);
});
