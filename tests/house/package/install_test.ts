/**
 * What would be published, installed into empty projects: its users' programs
 * run and are type checked there.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { Program } from "../../examples/program.ts";
import { nodeLacks, outcomeOf, RUN_LIMIT } from "../../support/outcome.ts";
import { test } from "../../support/helper.ts";
import {
  config,
  copyPrograms,
  installAsNpm,
  publishedFiles,
  type Transpile,
  unpack,
  writePackageJson,
} from "./pack.ts";

const PROGRAMS = [
  "examples/echo_wire.ts",
  "examples/client.ts",
  "examples/shared/command_line.ts",
  "examples/shared/visible.ts",
];
const USER = "tests/house/package/user.ts";
const USER_PRINTS = '["in memory","published",true,2,3]\n';

/** As strict as a user may be. */
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
};

/** An empty folder with a user's programs. */
async function withProject(
  fn: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/project-`);
  try {
    copyPrograms([USER, ...PROGRAMS], folder);
    await fn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs a program to its end; what it prints. */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const { code, stdout, stderr } = (await outcomeOf(program, args, { cwd }))!;
  assertEquals(code, 0, stderr);
  return stdout;
}

/** Runs the echo server and the client against each other. */
async function talk(
  program: string,
  command: readonly string[],
  cwd: string,
): Promise<void> {
  await using echo = new Program("echo_wire.ts", ["--port=0"], {
    runtime: program,
    command,
    folder: cwd,
  });
  const url = `ws://127.0.0.1:${await echo.port()}/ws`;
  const client = [...command, "client.ts", url, "--count", "1"];
  assertStringIncludes(await run(program, client, cwd), "Received: Hello 1\n");
}

test(
  "the package has the files that its users need, and no others",
  async () => {
    const { code, stdout, stderr } = (await outcomeOf(process.execPath, [
      "publish",
      "--dry-run",
      "--allow-dirty",
      "--no-check",
    ]))!;
    const output = stdout + stderr;
    assertEquals(code, 0, output);
    assertEquals(/warning/i.test(output), false, output);
    const root = new URL("../../../", import.meta.url).href;
    const files = [...output.matchAll(/^ +(file:.*) \(.*\)$/gm)]
      .map(([, url]) => url!.slice(root.length)).sort();
    assertEquals(files, publishedFiles());
    const users = /^(?:README\.md|deno\.json|mod\.ts|src\/[a-z0-9_/]+\.ts)$/;
    assertEquals(files.filter((file) => !users.test(file)), []);
  },
  { only: "deno", timeout: RUN_LIMIT },
);

test("the package is installed into a Deno project", async () => {
  await withProject(async (folder) => {
    unpack(`${folder}/package`);
    const { name, version } = config;
    writeFileSync(
      `${folder}/deno.json`,
      JSON.stringify({
        imports: { [name]: `jsr:${name}@^${version}` },
        links: ["./package"],
        lock: false,
        compilerOptions: STRICT,
      }),
    );
    const deno = process.execPath;
    await run(deno, ["check", "--quiet", "user.ts"], folder);
    const command = ["run", "--no-check", "--no-prompt", "--allow-net"];
    assertEquals(await run(deno, [...command, "user.ts"], folder), USER_PRINTS);
    await talk(deno, command, folder);
  });
}, { only: "deno", timeout: RUN_LIMIT });

interface BunGlobal {
  Transpiler: new (options: { loader: "ts"; target: "node" }) => {
    transformSync(code: string): string;
  };
}

const transpile: Transpile = (code) => {
  const { Transpiler } = (globalThis as unknown as { Bun: BunGlobal }).Bun;
  const options = { loader: "ts", target: "node" } as const;
  return new Transpiler(options).transformSync(code);
};

test("the package is installed into a Bun project", async () => {
  await withProject(async (folder) => {
    installAsNpm(folder, transpile);
    const bun = process.execPath;
    assertEquals(await run(bun, ["run", "user.ts"], folder), USER_PRINTS);
    await talk(bun, ["run"], folder);
  });
}, { only: "bun", timeout: RUN_LIMIT });

test("the package is installed into a Node project", async () => {
  await withProject(async (folder) => {
    installAsNpm(folder, transpile);
    writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
    assertEquals(await run("node", ["user.ts"], folder), USER_PRINTS);
    await talk("node", [], folder);
  });
}, { only: "bun", timeout: RUN_LIMIT, lacks: nodeLacks });

test("the package runs under Node where it is unpacked", async () => {
  await withProject(async (folder) => {
    unpack(folder);
    // Its own name is then found from within.
    writePackageJson(folder);
    assertEquals(await run("node", ["user.ts"], folder), USER_PRINTS);
    await talk("node", [], folder);
  });
}, { only: "deno", timeout: RUN_LIMIT, lacks: nodeLacks });
