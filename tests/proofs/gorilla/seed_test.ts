/**
 * The samples of gorilla/websocket's introduction, line by line: what stands in
 * Go above each is what the test does.
 */

import { assert, assertEquals } from "@std/assert";

import {
  type Conn,
  defaultDialer,
  Dialer,
  type Handler,
  isCloseError,
  MessageType,
  serve,
  type Server,
  Upgrader,
} from "../../../mod.ts";
import { rawDial } from "../../../src/testing/mod.ts";
import { startServer } from "../../support/native.ts";
import { portOf } from "../../support/servers.ts";
import { deferred, test } from "../../support/helper.ts";

type Handle = (conn: Conn) => void | Promise<void>;

/** A server on a free port, and a client that `Dial` has connected to it. */
async function withConn(
  handle: Handle,
  fn: (conn: Conn) => Promise<void>,
): Promise<void> {
  await using server = await listen(handle);
  const { conn } = await defaultDialer.dial(`${urlOf(server)}/ws`);
  try {
    await fn(conn);
  } finally {
    conn.terminate();
    await conn.closed;
  }
}

function listen(handle: Handle, upgrader = new Upgrader()): Promise<Server> {
  return serve(handle, {
    port: 0,
    hostname: "127.0.0.1",
    path: "/ws",
    upgrader,
  });
}

function urlOf(server: Server): string {
  return `ws://127.0.0.1:${portOf(server)}`;
}

// for {
//   messageType, p, err := conn.ReadMessage()
//   if err != nil { log.Println(err); return }
//   if err := conn.WriteMessage(messageType, p); err != nil { …; return }
// }
async function readWriteLoop(conn: Conn): Promise<void> {
  for (;;) {
    const { type, data } = await conn.readMessage();
    await conn.writeMessage(type, data);
  }
}

// for {
//   messageType, r, err := conn.NextReader()
//   w, err := conn.NextWriter(messageType)
//   io.Copy(w, r); w.Close()
// }
async function copyLoop(conn: Conn): Promise<void> {
  for (;;) {
    const { type, readable } = await conn.nextReader();
    await readable.pipeTo(conn.nextWriter(type));
  }
}

// var upgrader = websocket.Upgrader{} // use default options
test("seed: a zero Upgrader works, by the handler of the runtime", async () => {
  const upgrader = new Upgrader();
  const handler: Handler = upgrader.handler(wsHandler);
  await using server = startServer(handler.fetch, handler.websocket);
  await talk(`ws://127.0.0.1:${server.port}/ws`);
});

test("seed: a zero Upgrader works, by serve()", async () => {
  await using server = await listen(wsHandler);
  await talk(`${urlOf(server)}/ws`);
});

// conn, err := upGrader.Upgrade(w, r, nil)
test("seed: Upgrade by hand", async () => {
  const upgrader = new Upgrader();
  await using server = startServer(async (request, target) => {
    const { conn, response } = await upgrader.upgrade(request, target);
    if (conn !== undefined) wsHandler(conn).catch(() => {});
    return response;
  }, upgrader.websocket);
  await talk(`ws://127.0.0.1:${server.port}/ws`);
});

// for {
//   messageType, message, err := conn.ReadMessage()
//   err = conn.WriteMessage(messageType, []byte("pong"))
// }
async function wsHandler(conn: Conn): Promise<void> {
  await using _ = conn; // defer conn.Close()
  for await (const message of conn) {
    await conn.writeMessage(message.type, new TextEncoder().encode("pong"));
  }
}

// conn, _, err := websocket.DefaultDialer.Dial(url, nil)
async function talk(url: string): Promise<void> {
  const { conn, response } = await defaultDialer.dial(url);
  assertEquals(response.status, 101);
  for (let i = 0; i < 3; i++) {
    const sent = conn.writeMessage(
      MessageType.Binary,
      new TextEncoder().encode("ping"),
    );
    const { type, data } = await conn.readMessage();
    await sent;
    assertEquals(type, MessageType.Binary);
    assertEquals(data, new TextEncoder().encode("pong"));
  }
  await conn.close();
}

for (const loop of [readWriteLoop, copyLoop]) {
  test(`seed: ${loop.name} echoes, on the server's side`, async () => {
    await withConn(loop, async (conn) => {
      await conn.writeMessage(MessageType.Text, "Hello");
      await conn.writeMessage(MessageType.Binary, new Uint8Array(200_000));
      assertEquals(await conn.readMessage(), { type: 1, data: "Hello" });
      assertEquals((await conn.readMessage()).data.length, 200_000);
      assertEquals((await conn.close()).wasClean, true);
    });
  });

  test(`seed: ${loop.name} echoes, on the client's side`, async () => {
    const done = deferred<unknown[]>();
    await withConn(async (conn) => {
      const read: unknown[] = [];
      for (const data of ["a", "é".repeat(50_000), ""]) {
        await conn.writeMessage(MessageType.Text, data);
        read.push((await conn.readMessage()).data === data);
      }
      done.resolve(read);
    }, async (conn) => {
      const error = await loop(conn).catch((error) => error);
      assert(isCloseError(error, 1000), String(error));
      assertEquals(await done.promise, [true, true, true]);
    });
  });
}

// func (c *Conn) WriteControl(messageType int, data []byte, deadline time.Time)
test("seed: WriteControl sends each of the control messages", async () => {
  await withConn((conn) => {
    const deadline = new Date(Date.now() + 1000);
    conn.writeControl(MessageType.Ping, "1", deadline);
    conn.writeControl(MessageType.Pong, "2", deadline);
    conn.writeControl(MessageType.Close, new Uint8Array([3, 232]), deadline);
  }, assertControl);
});

test("seed: WriteMessage sends each of the control messages", async () => {
  await withConn((conn) => {
    conn.writeMessage(MessageType.Ping, "1");
    conn.writeMessage(MessageType.Pong, "2");
    conn.writeMessage(MessageType.Close, new Uint8Array([3, 232]));
  }, assertControl);
});

test("seed: NextWriter sends each of the control messages", async () => {
  await withConn(async (conn) => {
    const messages: [MessageType, Uint8Array | string][] = [
      [MessageType.Ping, "1"],
      [MessageType.Pong, "2"],
      [MessageType.Close, new Uint8Array([3, 232])],
    ];
    for (const [type, data] of messages) {
      const writer = conn.nextWriter(type).getWriter();
      await writer.write(data);
      await writer.close();
    }
  }, assertControl);
});

async function assertControl(conn: Conn): Promise<void> {
  const events: string[] = [];
  const text = (data: Uint8Array) => new TextDecoder().decode(data);
  conn.setPingHandler((data) => void events.push(`ping ${text(data)}`));
  conn.setPongHandler((data) => void events.push(`pong ${text(data)}`));
  conn.setCloseHandler((code) => void events.push(`close ${code}`));
  const error = await conn.readMessage().catch((error) => error);
  assert(isCloseError(error, 1000), String(error));
  assertEquals(events, ["ping 1", "pong 2", "close 1000"]);
}

// func (c *Conn) SetCloseHandler(h func(code int, text string) error)
test("seed: handlers run on the server's side", async () => {
  const events: string[] = [];
  const closed = deferred();
  await withConn((conn) => {
    const text = (data: Uint8Array) => new TextDecoder().decode(data);
    conn.setPingHandler((data) => void events.push(`ping ${text(data)}`));
    conn.setPongHandler((data) => void events.push(`pong ${text(data)}`));
    conn.setCloseHandler((code, reason) => {
      events.push(`close ${code} ${reason}`);
    });
    conn.closed.then(() => closed.resolve());
    return readWriteLoop(conn);
  }, async (conn) => {
    await conn.writeMessage(MessageType.Ping, "a");
    await conn.writeMessage(MessageType.Pong, "b");
    await conn.close(4000, "bye");
    await closed.promise;
  });
  assertEquals(events, ["ping a", "pong b", "close 4000 bye"]);
});

// func Ping() { … }
async function ping(conn: Conn, patience: number): Promise<string> {
  // done := make(chan struct{})
  const done = deferred<string>();
  // conn.SetPongHandler(func(appData string) error { done <- struct{}{}; … })
  conn.setPongHandler(() => done.resolve("Server is alive"));
  // conn.WriteMessage(websocket.PingMessage, []byte("ping"))
  await conn.writeMessage(
    MessageType.Ping,
    new TextEncoder().encode("ping"),
  );
  // go func() { conn.ReadMessage() }()
  conn.readMessage().catch(() => {});
  // select { case <-time.After(time.Second * 5): … case <-done: … }
  const timer = setTimeout(() => {
    done.resolve("Server is dead: timeout");
  }, patience);
  const outcome = await done.promise;
  clearTimeout(timer);
  return outcome;
}

test("seed: the ping of a live server is answered", async () => {
  await withConn(readWriteLoop, async (conn) => {
    assertEquals(await ping(conn, 5000), "Server is alive");
  });
});

test("seed: the ping of a dead server is not", async () => {
  // It has taken the connection over and hears no pings.
  await withConn((conn) => conn.setPingHandler(() => {}), async (conn) => {
    assertEquals(await ping(conn, 100), "Server is dead: timeout");
  });
});

test("seed: the ping works from a server to its client", async () => {
  const outcome = deferred<string>();
  await withConn(async (conn) => {
    outcome.resolve(await ping(conn, 5000));
  }, async (conn) => {
    await conn.readMessage().catch(() => {});
    assertEquals(await outcome.promise, "Server is alive");
  });
});

// type Upgrader struct { … }
test("seed: every field of the Upgrader", async () => {
  const asked: string[] = [];
  const upgrader = new Upgrader({
    handshakeTimeout: 5000,
    readBufferSize: 1024,
    writeBufferSize: 1024,
    writeBufferPool: { get: () => undefined, put: () => {} },
    subprotocols: ["chat"],
    error: (_request, status, reason) => {
      asked.push(`${status} ${reason.name}`);
      return new Response("mine", { status });
    },
    // 这里一般会设置下CheckOrigin来解决跨域问题
    checkOrigin: (request) => request.headers.get("origin") !== "http://evil",
    enableCompression: true,
  });
  await using server = await listen(readWriteLoop, upgrader);
  const dialer = new Dialer({
    subprotocols: ["other", "chat"],
    enableCompression: true,
  });
  const url = `${urlOf(server)}/ws`;
  const { conn, response } = await dialer.dial(url, {
    headers: { Origin: "http://elsewhere.example" },
  });
  assertEquals(conn.subprotocol, "chat");
  assert(response.headers.has("sec-websocket-extensions"));
  const text = "compressible ".repeat(1000);
  conn.send(text);
  assertEquals((await conn.readMessage()).data, text);
  await conn.close();
  const refused = await rawDial(url, { headers: { Origin: "http://evil" } })
    .catch((error) => error);
  assert(String(refused).includes("403"), String(refused));
  assertEquals(asked, ["403 HandshakeError"]);
});
