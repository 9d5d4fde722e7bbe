import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { listFiles, readText } from "./files.ts";
import { findFaults } from "./rooms.ts";

test("src imports in the directions of the architecture", () => {
  const files = listFiles("src");
  assert(files.includes("src/message.ts"));
  const faults = files.flatMap((file) =>
    findFaults(file.slice("src/".length), readText(file))
      .map((fault) => `${file} ${fault}`)
  );
  assertEquals(faults, []);
});

test("findFaults() passes what the rooms are open to", () => {
  const good: [path: string, text: string][] = [
    ["close.ts", 'export * from "./message.ts";'],
    ["protocol/decoder.ts", 'import "../errors.ts"; import "./mask.ts";'],
    ["deflate/negotiate.ts", 'import "../handshake/tokens.ts";'],
    ["deflate/codec.ts", 'import zlib from "node:zlib";'],
    ["proxy/connect_request.ts", 'import "../handshake/head.ts";'],
    ["client/dialer.ts", 'import "../proxy/a.ts"; import "../cookies/a.ts";'],
    ["wire/engine.ts", 'import type { D } from "../protocol/decoder.ts";'],
    ["runtime/sockets/a.ts", 'import net from "node:net";'],
    ["runtime/http/a.ts", 'import "../sockets/a.ts"; import "../quirks/a.ts";'],
    ["close.ts", 'import { visible } from "./base/visible.ts";'],
    ["pubsub/topic.ts", 'import "../conn/conn.ts"; import "../prepared.ts";'],
    ["testing/mod.ts", 'import "../client/connect.ts";'],
    ["browser/mod.ts", 'import "../conn/conn.ts";'],
    ["compat/mod.ts", 'import "../client/dialer.ts";'],
    ["ws/mod.ts", 'import "node:events"; import "../conn_over.ts";'],
    ["runtime/deno/native.ts", 'Deno.serve; import "../../transport/a.ts";'],
    ["runtime/bun/native.ts", 'import "../detect.ts"; import "./types.ts";'],
    ["server/a.ts", 'import "../runtime/bun/a.ts"; import "../conn_over.ts";'],
    ["conn/conn.ts", "// Deno.serve\nconst text = `on Deno`; denoInfo.Denot;"],
  ];
  for (const [path, text] of good) {
    assertEquals(findFaults(path, text), [], text);
  }
});

test("findFaults() finds every import that goes upward or astray", () => {
  const bad: [path: string, text: string, fault: string][] = [
    [
      "message.ts",
      'import "./protocol/mask.ts";',
      "imports protocol/mask.ts, which is not open to leaves",
    ],
    [
      "protocol/session.ts",
      'export { a } from "../wire/engine.ts";',
      "imports wire/engine.ts, which is not open to protocol",
    ],
    [
      "deflate/codec.ts",
      'import type { R } from "../handshake/server.ts";',
      "imports handshake/server.ts, which is not open to deflate",
    ],
    [
      "proxy/socks5.ts",
      'import "../handshake/server.ts";',
      "imports handshake/server.ts, which is not open to proxy",
    ],
    [
      "cookies/set_cookie.ts",
      'import "../handshake/tokens.ts";',
      "imports handshake/tokens.ts, which is not open to cookies",
    ],
    [
      "conn/conn.ts",
      'await import("../wire/engine.ts");',
      "imports wire/engine.ts, which is not open to conn",
    ],
    [
      "conn/conn.ts",
      'import "../server/upgrader.ts";',
      "imports server/upgrader.ts, which is not open to conn",
    ],
    [
      "base/turns.ts",
      'import "../message.ts";',
      "imports message.ts, which is not open to base",
    ],
    [
      "client/dialer.ts",
      'import type { U } from "../server/upgrader.ts";',
      "imports server/upgrader.ts, which is not open to client",
    ],
    [
      "server/serve.ts",
      'import "../client/dialer.ts";',
      "imports client/dialer.ts, which is not open to server",
    ],
    [
      "pubsub/hub.ts",
      'import "../conn/core.ts";',
      "imports conn/core.ts, which is not open to pubsub",
    ],
    [
      "client/dialer.ts",
      'import "../testing/raw_frame.ts";',
      "imports testing/raw_frame.ts, which is not open to client",
    ],
    [
      "client/dialer.ts",
      'import "../compat/mod.ts";',
      "imports compat/mod.ts, which is not open to client",
    ],
    [
      "browser/mod.ts",
      'import "../runtime/engine.ts";',
      "imports runtime/engine.ts, which is not open to browser",
    ],
    [
      "ws/mod.ts",
      'import "../compat/mod.ts";',
      "imports compat/mod.ts, which is not open to ws",
    ],
    [
      "compat/mod.ts",
      'import { Buffer } from "node:buffer";',
      "imports node:buffer, which only runtime/ may",
    ],
    [
      "compat/mod.ts",
      'import "../server/serve.ts";',
      "imports server/serve.ts, which is not open to compat",
    ],
    [
      "runtime/quirks/text.ts",
      'import "../sockets/connect.ts";',
      "imports runtime/sockets/connect.ts, which is not open to runtime",
    ],
    [
      "conn_over.ts",
      'import "./server/upgrader.ts";',
      "imports server/upgrader.ts, which is not open to conn_over",
    ],
    [
      "runtime/bun/native.ts",
      'import "../deno/native.ts";',
      "imports runtime/deno/native.ts, which is not open to runtime",
    ],
    [
      "runtime/detect.ts",
      'import "./deno/native.ts";',
      "imports runtime/deno/native.ts, which is not open to runtime",
    ],
    [
      "wire/engine.ts",
      'import zlib from "node:zlib";',
      "imports node:zlib, which only runtime/ may",
    ],
    [
      "deflate/codec.ts",
      'import { Duplex } from "node:stream";',
      "imports node:stream, which only runtime/ may",
    ],
    [
      "runtime/sockets/socket.ts",
      'import { setTimeout } from "node:timers";',
      "imports node:timers, which the tests' gauge does not see",
    ],
    [
      "server/upgrader.ts",
      'import { assert } from "@std/assert";',
      "imports the package @std/assert",
    ],
    ["conn_over.ts", 'import "../mod.ts";', "imports ../mod.ts, outside src/"],
    [
      "server/serve.ts",
      "return `${Deno.pid}`;",
      "names Deno, which only runtime/ may",
    ],
    [
      "conn/conn.ts",
      'const isBun = "Bun" in globalThis;',
      "names Bun, which only runtime/ may",
    ],
    ["attic/old.ts", "", 'is in an unknown room, "attic"'],
    ["attic.ts", "", 'is in an unknown room, "attic"'],
  ];
  for (const [path, text, fault] of bad) {
    assertEquals(findFaults(path, text), [fault]);
  }
});

test("src has few files at its top", () => {
  const top = listFiles("src").filter((file) => file.split("/").length === 2);
  assert(top.length <= 7, top.join(", "));
});
