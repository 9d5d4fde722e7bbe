/** Our client against the runtimes' own servers. */

import { assert, assertEquals } from "@std/assert";

import type { Conn } from "../../src/conn/conn.ts";
import { Dialer } from "../../src/dialer.ts";
import {
  Child,
  otherRuntime,
  programOf,
  type Runtime,
} from "../fixtures/child.ts";
import { deferred, runtime, test } from "../helper.ts";
import { ALL, bytesOf, digest, SIZES, textOf } from "./payloads.ts";
import { startOwnServer } from "./own_server.ts";

const MAIN = new URL("own_server_main.ts", import.meta.url);

type Dial = (path?: string, writeBufferSize?: number) => Promise<Conn>;

/** Registers a test against the server of this runtime, and of the other. */
function against(
  name: string,
  fn: (
    dial: Dial,
    server: Runtime,
  ) => Promise<void>,
): void {
  const run = (port: number, server: Runtime) => {
    return fn(async (path = "/", writeBufferSize = 0) => {
      const dialer = new Dialer({ subprotocols: ["a", "b"], writeBufferSize });
      const { conn } = await dialer.dial(`ws://127.0.0.1:${port}${path}`);
      return conn;
    }, server);
  };
  test(`our client ${name}, server of ${runtime}`, async () => {
    await using server = startOwnServer();
    await run(server.port, runtime);
  });
  test(`our client ${name}, server of ${otherRuntime}`, async () => {
    await using child = new Child(MAIN, [], otherRuntime);
    await run(await child.read(), otherRuntime);
  }, {
    timeout: 20_000,
    lacks: programOf(otherRuntime) === undefined
      ? `${otherRuntime} on PATH`
      : undefined,
  });
}

/** How the server saw the end of a connection to `/told`. */
async function lastEnd(
  dial: Dial,
): Promise<string> {
  const conn = await dial("/last");
  const { data } = await conn.readMessage();
  await conn.close();
  return String(data);
}

against("exchanges text and binary of all sizes", async (dial) => {
  const conn = await dial();
  const back: string[] = [];
  for (const size of SIZES) {
    conn.send(textOf(size));
    conn.send(bytesOf(size));
    for (let i = 0; i < 2; i++) {
      back.push(digest((await conn.readMessage()).data));
    }
  }
  assertEquals(back, ALL);
  await conn.close();
});

against("sends fragments that arrive as one message", async (dial) => {
  for (const size of SIZES) {
    // Fragments of at most so many bytes: some twenty, or one.
    const conn = await dial("/", Math.ceil(size / 20));
    const text = textOf(size);
    const writer = conn.nextWriter(1).getWriter();
    await writer.write(text);
    await writer.close();
    const { data } = await conn.readMessage();
    assertEquals(data === text, true);
    await conn.close();
  }
});

against("is ponged, with its payload, between messages", async (dial) => {
  const conn = await dial();
  const pong = deferred<string>();
  conn.setPongHandler((data) => pong.resolve(new TextDecoder().decode(data)));
  conn.send("before");
  const trip = conn.ping("x".repeat(125));
  conn.send("behind");
  assertEquals((await conn.readMessage()).data, "before");
  assertEquals((await conn.readMessage()).data, "behind");
  assert(await trip > 0);
  assertEquals(await pong.promise, "x".repeat(125));
  await conn.close();
});

against("hears the server's ping", async (dial, server) => {
  const conn = await dial("/pings");
  const ping = deferred<string>();
  conn.setPingHandler((data) => {
    ping.resolve(new TextDecoder().decode(data));
    return conn.writeControl(10, data);
  });
  // Deno's pings are those of its idleTimeout, without a payload.
  assertEquals(await ping.promise, server === "bun" ? "knock" : "");
  // The pong has been taken: the connection goes on.
  conn.send("on");
  assertEquals((await conn.readMessage()).data, "on");
  await conn.close();
});

against(
  "closes with any code, which the server gets and echoes",
  async (dial) => {
    const ends: [code: number, reason: string][] = [
      [1000, ""],
      [1001, "going"],
      [1011, "é".repeat(61) + "!"],
      [3000, "three"],
      [4999, "four"],
    ];
    for (const [code, reason] of ends) {
      const conn = await dial("/told");
      const info = await conn.close(code, reason);
      assertEquals([info.code, info.wasClean, info.initiator], [
        code,
        true,
        "local",
      ]);
      assertEquals(await lastEnd(dial), `${code} ${reason}`);
    }
  },
);

against("gets the server's code and reason", async (dial) => {
  for (const [code, reason] of [[1000, ""], [3000, "why"], [4999, "é"]]) {
    const conn = await dial();
    await conn.send(`close ${code} ${reason}`);
    const info = await conn.closed;
    assertEquals(info, {
      code,
      reason,
      wasClean: true,
      initiator: "remote",
    });
  }
});

against("agrees on a subprotocol", async (dial) => {
  const conn = await dial();
  assertEquals(conn.subprotocol, "b");
  await conn.close();
});
