/**
 * Runs the programs of `.github/guides/MOUNTING.md` as they stand there, with
 * the real frameworks: on the runtime of the test, and on Node.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { dial, Dialer } from "../../src/client/dialer.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import { serve, type Server } from "../../src/server/serve.ts";
import {
  lacksInterrupt,
  type Program,
  START_LIMIT,
} from "../examples/program.ts";
import { readText } from "../house/architecture/files.ts";
import { runtime, test } from "../support/helper.ts";
import { nodeLacks, outcomeOf, RUN_LIMIT } from "../support/outcome.ts";
import { echo } from "../support/servers.ts";
import {
  CLOSING,
  frameworks,
  GUIDE,
  localized,
  type Place,
  programs,
  type Way,
  withProgram,
  withProject,
} from "./mounting.ts";

/** A program, and what is expected of it. */
interface Mount extends Way {
  /** What its framework prints of a request for the page. */
  readonly logs?: RegExp;
  /** Where it runs. Default: everywhere. */
  readonly on?: readonly Place[];
  /** How it answers whom it does not let in. Default: as `authorize` does. */
  readonly refusal?: string;
  /** Who answers an upgrade of another path. Default: 404. */
  readonly elsewhere?: "vite";
  /** Whether the framework cuts connections at its end. Default: 1001. */
  readonly cuts?: true;
}

/** Whom `authorize` of the guide lets in. */
const user = { Authorization: "Bearer secret" };
const HONO_LOGS = /--> GET \/ 200/;
const PLAIN_LOGS = /^GET (?:http:\/\/[\w.:]+)?\/(?: 200)?$/m;

const MOUNTS: readonly Mount[] = [
  { heading: "Hono", logs: HONO_LOGS },
  { heading: "Elysia", logs: PLAIN_LOGS },
  { heading: "h3", logs: PLAIN_LOGS },
  // On npm is a build for Node, up to 21, that Bun runs, too. Newer ones, which
  // know Deno, are on JSR.
  { heading: "Oak", logs: PLAIN_LOGS, on: ["bun"] },
  { heading: "Express", logs: PLAIN_LOGS },
  { heading: "Koa", logs: PLAIN_LOGS },
  { heading: "Fastify", logs: /"method":"GET","url":"\/"/ },
  { heading: "Hono on Node", logs: HONO_LOGS },
  { heading: "Vite, a plugin", by: "vite", elsewhere: "vite", cuts: true },
  { heading: "Vite as middleware", elsewhere: "vite" },
  { heading: "Vite as a proxy", by: "vite", elsewhere: "vite", cuts: true },
  {
    heading: "Hono, native",
    logs: HONO_LOGS,
    by: "deno serve",
    on: ["deno", "bun"],
  },
  {
    heading: "Hono, in a route",
    logs: HONO_LOGS,
    by: "deno serve",
    refusal: "Unauthorized",
    on: ["deno", "bun"],
  },
  { heading: "h3, in a route", logs: PLAIN_LOGS, on: ["deno", "bun"] },
];

test("each program of the guides that needs packages is run", () => {
  assertEquals(
    programs.map(({ name }) => name),
    [...MOUNTS.map(({ heading }) => `${heading} 1`), "A dashboard 1"],
  );
});

test(`each line of the table in ${GUIDE} is one of its program`, () => {
  const rows = [
    ...readText(GUIDE).matchAll(
      /^\| \[.+\]\(#([\w-]+)\).*\| `(.+)` +\|$/gm,
    ),
  ];
  assert(rows.length > 10);
  for (const [, anchor, line = ""] of rows) {
    const { code } = programs.find(({ name }) => anchorOf(name) === anchor)!;
    assert(inOneLine(code).includes(inOneLine(line)), line);
  }
});

function anchorOf(name: string): string {
  return name.replace(/ 1$/, "").toLowerCase().replaceAll(",", "")
    .replaceAll(" ", "-");
}

/** Without what a formatter adds to break a line. */
function inOneLine(code: string): string {
  return code.replaceAll(/\s/g, "").replaceAll(/,(?=[})\]])/g, "");
}

test("the programs of the guides fit the frameworks' types", async () => {
  await withProject(async (folder) => {
    // The Oak of npm wants the Request of another package.
    const fitting = programs.filter(({ name }) => name !== "Oak 1");
    const files = fitting.map(({ name, code }) => {
      const file = `${name.replaceAll(/\W+/g, "_")}.ts`;
      writeFileSync(join(folder, file), localized(code));
      return file;
    });
    const { code, stderr } = (await outcomeOf(process.execPath, [
      "check",
      "--quiet",
      "--no-lock",
      ...files,
    ], { cwd: folder }))!;
    assertEquals([code, stderr], [0, ""]);
  });
}, { only: "deno", lacks: frameworks.lacks, timeout: RUN_LIMIT });

for (const mount of MOUNTS) {
  const { heading, on = [runtime, "node"] } = mount;
  for (const place of on) {
    // One of the two parts of a run does the programs on Node.
    if (place !== runtime && (place !== "node" || runtime === "bun")) continue;
    test(`${GUIDE}: ${heading} runs on ${place}`, async () => {
      await using target = await serveTarget();
      await withProgram(
        { ...mount, change: (code) => towards(target, code) },
        place,
        (host, program) => exercise(mount, host, program),
      );
    }, {
      timeout: START_LIMIT,
      lacks: frameworks.lacks ?? (place === "node" ? nodeLacks : undefined) ??
        lacksInterrupt,
    });
  }
}

test("Hono's getConnInfo() knows the client, as the guide says", async () => {
  const change = (code: string) =>
    `import { getConnInfo } from "hono/${runtime}";\n` +
    code.replace('"A page"', "getConnInfo(c).remote.address ?? ''");
  await withProgram({ heading: "Hono", change }, runtime, async (host) => {
    const page = await fetch(`http://${host}/`, CLOSING);
    assertEquals(await page.text(), "127.0.0.1");
  });
}, { lacks: frameworks.lacks, timeout: START_LIMIT });

test(
  "Vite's changeOrigin needs rewriteWsOrigin, as the guide says",
  async () => {
    await using target = await serveTarget();
    const [way] = MOUNTS.filter(({ heading }) => heading === "Vite as a proxy");
    const proxied = (options: string, fn: (host: string) => Promise<void>) => {
      const change = (code: string) =>
        towards(target, code).replace("ws: true", `ws: true, ${options}`);
      return withProgram({ ...way!, change }, runtime, fn);
    };
    await proxied("changeOrigin: true", async (host) => {
      const { response } = await assertRejects(
        () => open(host),
        BadHandshakeError,
      );
      assertEquals(response.status, 403);
    });
    await proxied("changeOrigin: true, rewriteWsOrigin: true", async (host) => {
      await (await open(host)).close();
    });
  },
  { lacks: frameworks.lacks, timeout: START_LIMIT },
);

/** What stands behind Vite's proxy. */
function serveTarget(): Promise<Server> {
  return serve(echo, {
    port: 0,
    hostname: "127.0.0.1",
    upgrader: {
      authorize: ({ headers }) =>
        headers.get("authorization") === user.Authorization
          ? undefined
          : new Response("Log in first\n", { status: 401 }),
    },
  });
}

/** A proxy's program, with the port of what stands behind it. */
function towards({ addr }: Server, code: string): string {
  return code.replace("8000", String(addr.port));
}

/** Everything that is promised of a program. */
async function exercise(
  mount: Mount,
  host: string,
  program: Program,
): Promise<void> {
  const page = await fetch(`http://${host}/`, CLOSING);
  assertStringIncludes(await page.text(), "A page");
  if (mount.logs !== undefined) await program.untilPrinted(mount.logs);

  const conn = await open(host);
  conn.send("Hello");
  conn.send(new Uint8Array(100_000).fill(7));
  assertEquals((await conn.readMessage()).data, "Hello");
  assertEquals((await conn.readMessage()).data.length, 100_000);
  assertEquals((await conn.close(1000, "done")).wasClean, true);

  const refused = [401, mount.refusal ?? "Log in first\n"];
  assertEquals(await refusal(`ws://${host}/ws`), refused);
  if (mount.elsewhere === "vite") {
    const dialer = new Dialer({ subprotocols: ["vite-ping"] });
    const { conn } = await dialer.dial(`ws://${host}/`);
    assertEquals(conn.subprotocol, "vite-ping");
    await conn.closed;
  } else {
    assertEquals((await refusal(`ws://${host}/elsewhere`))[0], 404);
  }

  const conns = [await open(host), await open(host)];
  program.interrupt("SIGTERM");
  const codes = await Promise.all(
    conns.map(async ({ closed }) => (await closed).code),
  );
  assertEquals(codes, mount.cuts ? [1006, 1006] : [1001, 1001]);
  const code = await program.exited;
  if (mount.cuts === undefined) assertEquals(code, 0, program.stderr);
}

/** A connection, as a page of the program's own would open it. */
async function open(host: string): Promise<Conn> {
  const headers = { ...user, Origin: `http://${host}` };
  return (await dial(`ws://${host}/ws`, { headers })).conn;
}

/** The answer to an upgrade that is refused. */
async function refusal(
  url: string,
): Promise<[status: number, body: string]> {
  const { response } = await assertRejects(
    () => dial(url),
    BadHandshakeError,
  );
  return [response.status, new TextDecoder().decode(response.body)];
}
