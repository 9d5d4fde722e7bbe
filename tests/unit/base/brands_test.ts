/** Two copies of the package in one program, and one that is loaded again. */

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";

import * as ours from "../../../mod.ts";
import { toWebSocket } from "../../../src/compat/mod.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { toWs } from "../../../src/ws/mod.ts";
import { Program } from "../../support/child.ts";
import { echo, PLACES, serveAt, wsUrl } from "../../support/servers.ts";
import { test } from "../../support/helper.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Another copy of the package. */
type Copy = typeof ours & {
  readonly pipe: typeof pipe;
};

let copy: Promise<Copy> | undefined;

/** The other copy: it stays loaded, and its files may go. */
function load(): Promise<Copy> {
  return copy ??= (async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "copy-"));
    try {
      for (const part of ["mod.ts", "src"]) {
        fs.cpSync(path.join(root, part), path.join(folder, part), {
          recursive: true,
        });
      }
      const url = pathToFileURL(folder).href;
      return {
        ...await import(`${url}/mod.ts`),
        ...await import(`${url}/src/testing/mod.ts`),
      };
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  })();
}

test("errors have their class's name, which a subclass may change", () => {
  for (const [name, type] of Object.entries(ours)) {
    if (!name.endsWith("Error") || !name.startsWith(name[0]!.toUpperCase())) {
      continue;
    }
    assertEquals((type as { prototype: Error }).prototype.name, name);
  }
  class Mine extends ours.CloseError {
    constructor() {
      super(1000);
      (this as { name: string }).name = "Mine";
    }
  }
  assertEquals(String(new Mine()), "Mine: Connection closed: 1000 (normal)");
  // As the platform's own, it is not one of the fields that are printed.
  assertEquals(Object.keys(new ours.CloseError(1000)), ["code", "reason"]);
});

test("isCloseError() and isUnexpectedCloseError() know another copy's errors", async () => {
  const theirs = await load();
  assert(theirs.CloseError as unknown !== ours.CloseError);
  assert(ours.isCloseError(new theirs.CloseError(1001), 1000, 1001));
  assert(!ours.isCloseError(new theirs.CloseError(1001), 1000));
  assert(ours.isUnexpectedCloseError(new theirs.CloseError(1006), 1000));
  assert(theirs.isCloseError(new ours.CloseError(1001), 1001));
});

test("joinMessages() joins the messages of another copy's Conn", async () => {
  const theirs = await load();
  const [alice, bob] = theirs.pipe();
  alice.send("one");
  alice.send("two");
  alice.close();
  const stream = ours.joinMessages(bob as never, "\n");
  assertEquals(await new Response(stream).text(), "one\ntwo\n");
  await Promise.all([alice.closed, bob.closed]);
});

test("toWebSocket() and toWs() take another copy's Conn", async () => {
  const theirs = await load();
  const [alice, bob] = theirs.pipe();
  const socket = toWebSocket(alice as never);
  const ws = toWs(bob as never);
  const over = Promise.all([
    new Promise((resolve) => socket.onclose = resolve),
    new Promise((resolve) => ws.once("close", resolve)),
  ]);
  ws.on("message", (data) => ws.send(String(data)));
  const echoed = new Promise((resolve) => {
    socket.onmessage = ({ data }) => resolve(data);
  });
  socket.send("Hello");
  assertEquals(await echoed, "Hello");
  ws.close();
  await over;
});

test("joinMessages() refuses what is no Conn", () => {
  for (const value of [undefined, null, {}, "conn"]) {
    assertThrows(
      () => ours.joinMessages(value as never, ""),
      TypeError,
      "Cannot join messages of",
    );
  }
});

test("instanceof knows another copy's errors, and no others", async () => {
  const theirs = await load();
  const response = {
    status: 400,
    headers: new Headers(),
    body: new Uint8Array(),
  };
  const makers: Record<string, (of: Copy | typeof ours) => Error> = {
    BadHandshakeError: (of) => new of.BadHandshakeError("x", response),
    CloseError: (of) => new of.CloseError(1000),
    CloseSentError: (of) => new of.CloseSentError(),
    DialError: (of) => new of.DialError("x", { phase: "http", address: "a:1" }),
    HandshakeError: (of) =>
      new of.HandshakeError("x", new Response(null, { status: 400 })),
    InvalidMessageError: (of) => new of.InvalidMessageError([]),
    MessageLimitError: (of) => new of.MessageLimitError(1, 1),
    ProtocolError: (of) => new of.ProtocolError("x"),
    ReadLimitError: (of) => new of.ReadLimitError(1),
    UnsupportedError: (of) => new of.UnsupportedError("x"),
    WriteLimitError: (of) => new of.WriteLimitError(1),
  };
  const names = Object.keys(ours).filter((name) => name.endsWith("Error"))
    .filter((name) => !name.startsWith("is"));
  assertEquals(Object.keys(makers), names.sort());
  // deno-lint-ignore no-explicit-any -- classes by their names
  const classes = ours as any;
  for (const [name, make] of Object.entries(makers)) {
    for (const error of [make(ours), make(theirs)]) {
      for (const other of names) {
        assertEquals(error instanceof classes[other], name === other, other);
      }
    }
    class Own extends classes[name] {}
    assertEquals(make(ours) instanceof Own, false, name);
    assertEquals(make(theirs) instanceof Own, false, name);
    assert(Object.create(Own.prototype) instanceof classes[name], name);
    assertEquals(Object.keys(make(ours)).includes("@silverback"), false);
  }
});

test("Conn.writePreparedMessage() sends another copy's message", async () => {
  const theirs = await load();
  for (const data of ["text", new Uint8Array([1, 2, 3])]) {
    const type = typeof data === "string" ? 1 : 2;
    const message = new theirs.PreparedMessage(type, data);
    for (const copy of [ours, theirs]) {
      const [client, server] = copy === ours ? pipe() : theirs.pipe();
      await server.writePreparedMessage(message);
      await client.writePreparedMessage(message);
      await server.writePreparedMessage(message);
      assertEquals(await client.readMessage() as unknown, { type, data });
      assertEquals(await client.readMessage() as unknown, { type, data });
      assertEquals(await server.readMessage() as unknown, { type, data });
      await client.close();
      await server.closed;
    }
  }
});

test("Conn.writePreparedMessage() refuses what bears the brand alone", async () => {
  const [client, server] = pipe();
  const symbol = Symbol.for("@silverback/websocket/PreparedMessage");
  for (
    const value of [
      { type: 1, [symbol]: true },
      { type: 3, [symbol]: () => "x" },
      { type: 1, [symbol]: () => ({}) },
      {
        get [symbol]() {
          throw new Error("no");
        },
      },
    ]
  ) {
    let thrown: unknown;
    try {
      client.writePreparedMessage(value as never);
    } catch (error) {
      thrown = error;
    }
    assertInstanceOf(thrown, TypeError);
  }
  await client.close();
  await server.closed;
});

for (const place of PLACES.filter(({ carrier }) => carrier === "TCP")) {
  test(`serve() takes another copy's Upgrader by its options; ${place.name}`, async () => {
    const theirs = await load();
    const upgrader = new theirs.Upgrader({
      subprotocols: ["chat"],
      authorize: ({ headers }) =>
        headers.has("authorization")
          ? undefined
          : new Response(null, { status: 401 }),
    });
    await using server = await serveAt(place, echo, {
      upgrader: upgrader as never,
    });
    const error = await ours.dial(wsUrl(place, server)).catch((error) => error);
    assertInstanceOf(error, ours.BadHandshakeError);
    assertEquals(error.response.status, 401);
    const { conn } = await new theirs.Dialer({ subprotocols: ["chat"] }).dial(
      wsUrl(place, server),
      { headers: { Authorization: "x" } },
    );
    assertEquals(conn.subprotocol, "chat");
    await conn.send("hi");
    assertEquals((await conn.readMessage()).data, "hi");
    await conn.close();
  });
}

test("connOver() stands on another copy's stream", async () => {
  const theirs = await load();
  const { pipeStreams } = await import("../../../src/testing/pipe_stream.ts");
  const [here, there] = pipeStreams();
  const client = ours.connOver(here, { side: "client" });
  const server = theirs.connOver(there, { side: "server" });
  await client.send("hi");
  assertEquals((await server.readMessage()).data, "hi");
  await client.close();
  await server.closed;
});

test("Upgrader.websocket carries another copy's connections", async () => {
  const theirs = await load();
  const upgrader = new theirs.Upgrader();
  const { Bun } = globalThis as unknown as {
    Bun: {
      serve(options: unknown): {
        readonly port: number;
        stop(cut: boolean): Promise<void>;
      };
    };
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    websocket: new ours.Upgrader().websocket,
    fetch: async (request: Request, target: ours.BunServer) => {
      const { conn, response } = await upgrader.upgrade(request, target);
      if (conn !== undefined) echo(conn as never).catch(() => {});
      return response;
    },
  });
  const { conn } = await ours.dial(`ws://127.0.0.1:${server.port}`);
  await conn.send("hi");
  assertEquals((await conn.readMessage()).data, "hi");
  await conn.close();
  await server.stop(true);
}, { only: "bun" });

test("Upgrader.websocket keeps its connections under bun --hot", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "hot-"));
  const file = path.join(folder, "server.ts");
  const write = (version: number) =>
    fs.writeFileSync(
      file,
      `import { Upgrader } from ${JSON.stringify(path.join(root, "mod.ts"))};
const handler = new Upgrader().handler(async (conn) => {
  for await (const { data } of conn) await conn.send("${version}" + data);
});
const state = globalThis as { server?: { port: number; reload(options: unknown): void } };
if (state.server) state.server.reload(handler);
else state.server = Bun.serve({ port: 0, hostname: "127.0.0.1", ...handler });
console.log(state.server.port);
`,
    );
  try {
    write(1);
    await using program = new Program([process.execPath, "--hot", file]);
    const port = await program.readLine();
    const { conn } = await ours.dial(`ws://127.0.0.1:${port}`);
    await conn.send("a");
    assertEquals((await conn.readMessage()).data, "1a");
    write(2);
    assertEquals(await program.readLine(), port);
    // The old connection and its handler go on; a new one is the new handler's.
    await conn.send("b");
    assertEquals((await conn.readMessage()).data, "1b");
    assert(await conn.ping() >= 0);
    const { conn: later } = await ours.dial(`ws://127.0.0.1:${port}`);
    await later.send("c");
    assertEquals((await later.readMessage()).data, "2c");
    assertEquals((await later.close(), await later.closed).wasClean, true);
    assertEquals((await conn.close(), await conn.closed).code, 1000);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}, { only: "bun" });
