/** What keeps a server from listening, and what ends it: it is told. */

import { spawnSync } from "node:child_process";
import net from "node:net";
import { fileURLToPath } from "node:url";

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import { serve } from "../../../src/server/serve.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { ca, certificate } from "../../support/http_server.ts";
import { Child, commandOf, Program } from "../../support/child.ts";
import { test, withTimeout } from "../../support/helper.ts";

for (const engine of ["wire", "native"] as const) {
  test(`serve() refuses a port that is none, alike on every runtime; ${engine}`, async () => {
    for (const port of [70_000, 65_536, -1, 1.5, NaN, Infinity]) {
      const error = await assertRejects(
        () => serve(() => {}, { port, engine }),
        RangeError,
      );
      assertEquals(
        error.message,
        `Cannot serve on port ${port}: it must be an integer from 0 to 65535, 0 for any that is free`,
      );
    }
    for (const port of ["8000", null, {}, 1n]) {
      await assertRejects(
        () => serve(() => {}, { port: port as never, engine }),
        TypeError,
        "Cannot serve on port: it must be a number",
      );
    }
  });
}

for (const engine of ["wire", "native"] as const) {
  test(`serve() refuses a certificate that is none, at once; ${engine}`, async () => {
    const { cert, key } = certificate;
    const other = makeAuthority("another").issue("localhost").key;
    const cases: [tls: unknown, says: string][] = [
      [{}, "Cannot use tls.cert: it must be PEM, as a string or a Uint8Array"],
      [
        null,
        "Cannot use the options of tls of serve(): they must be an object",
      ],
      [
        false,
        "Cannot use the options of tls of serve(): they must be an object",
      ],
      ["", "Cannot use the options of tls of serve(): they must be an object"],
      [{ cert: undefined, key: undefined }, "Cannot use tls.cert: it must be"],
      [{ cert }, "Cannot use tls.key: it must be PEM"],
      [{ key }, "Cannot use tls.cert: it must be PEM"],
      [{ cert: 1, key }, "Cannot use tls.cert: it must be PEM"],
      [{ cert: "", key }, "Cannot use tls.cert: it is not a certificate"],
      [{ cert: "x", key: "y" }, "Cannot use tls.cert: it is not a certificate"],
      [{ cert, key: "y" }, "Cannot use tls.key: it is not a private key"],
      [{ cert, key: other }, "Cannot use tls.key: it does not belong to cert"],
    ];
    for (const [tls, says] of cases) {
      await assertRejects(
        () => serve(() => {}, { port: 0, engine, tls: tls as never }),
        TypeError,
        says,
      );
    }
  });

  test(`serve() takes a certificate and a key of one file; ${engine}`, async () => {
    const { cert, key } = certificate;
    const both = [`${cert}\n${key}`, `${key}\n${cert}`];
    const dialer = new Dialer({ tls: { ca } });
    for (const tls of both.map((pem) => ({ cert: pem, key: pem }))) {
      await using server = await serve(() => {}, {
        port: 0,
        hostname: "127.0.0.1",
        engine,
        tls,
      });
      const { conn } = await dialer.dial(`wss://127.0.0.1:${server.addr.port}`);
      await conn.close();
    }
  });

  test(`serve() names the host that it cannot look up; ${engine}`, async () => {
    const error = await assertRejects(
      () => serve(() => {}, { port: 0, hostname: "no.such.invalid", engine }),
      Error,
      "Cannot listen on no.such.invalid:0: ",
    );
    assert(error.cause instanceof Error);
  });

  test(`serve() does not take an empty hostname for any address; ${engine}`, async () => {
    await assertRejects(
      () => serve(() => {}, { port: 0, hostname: "", engine }),
      TypeError,
      "Cannot use option hostname: it is empty",
    );
  });

  test(`serve() takes an IPv6 address as a URL has it; ${engine}`, async () => {
    const hostname = "[::1]";
    await using server = await serve(() => {}, { port: 0, hostname, engine });
    assertEquals(server.addr.hostname, "::1");
    const { conn } = await new Dialer().dial(
      `ws://[::1]:${server.addr.port}`,
    );
    await conn.close();
  });
}

for (const engine of ["wire", "native"] as const) {
  test(`serve() blames the name that is unknown, whatever failed before; ${engine}`, async () => {
    await using server = await serve(() => {}, {
      port: 0,
      hostname: "127.0.0.1",
      engine,
    });
    const { port } = server.addr;
    await assertRejects(
      () => serve(() => {}, { port, hostname: "127.0.0.1", engine }),
      Error,
      `Cannot listen on 127.0.0.1:${port}: EADDRINUSE`,
    );
    const error = await assertRejects(
      () => serve(() => {}, { port: 0, hostname: "no.such.invalid", engine }),
      Error,
      "Cannot listen on no.such.invalid:0: ",
    );
    assert(!error.message.endsWith("EADDRINUSE"), error.message);
  });
}

const DENIED = /, run again with the --allow-net flag$/;

test("serve() and dial() name the permission that they lack", async () => {
  const file = new URL("../../support/without_permission.ts", import.meta.url);
  // By node's way to start it, Deno gives a child all permissions.
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", fileURLToPath(file)],
  }).output();
  const told: string[] = new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => JSON.parse(line));
  const expected = [
    ...["wire", "native"].flatMap(() =>
      ["127.0.0.1", "localhost", "[::1]"].map((host) =>
        `Cannot listen on ${host}:0`
      )
    ),
    "Cannot connect to 127.0.0.1:1",
    "Cannot look up localhost:1",
  ];
  assertEquals(told.length, expected.length);
  for (const [i, message] of told.entries()) {
    assertStringIncludes(message, `${expected[i]}: Requires net access to "`);
    assert(DENIED.test(message), message);
  }
}, { only: "deno" });

const prlimit = spawnSync("prlimit", ["--version"]).status === 0;

test("serve() tells of an engine that has stopped, and finishes", async () => {
  const file = fileURLToPath(
    new URL("../../support/crowded_native.ts", import.meta.url),
  );
  const command = ["prlimit", "--nofile=64", ...commandOf(file, [])];
  await using program = new Program(command);
  const port = await program.read();
  const sockets: net.Socket[] = [];
  for (let i = 0; i < 100; i++) {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\n");
    sockets.push(socket);
  }
  const told = withTimeout(program.read(), 20_000, "what onError is told");
  assertStringIncludes(await told, "Too many open files");
  for (const socket of sockets) socket.destroy();
  assertEquals(
    await withTimeout(program.read(), 20_000, "the end of the server"),
    "finished",
  );
}, { only: "deno", ...(prlimit ? {} : { lacks: "prlimit" }) });

test("serve() and dial() outlive listeners of their signals that throw", async () => {
  await using program = new Child(
    new URL("../../support/throwing_listeners.ts", import.meta.url),
    [],
  );
  for (let i = 0; i < 2; i++) {
    assertEquals(await program.read(), ["DialError", "connect", "listener"]);
  }
  assertEquals(await program.read(), ["listener", "property"]);
  assertEquals(await program.read(), "Welcome");
});
