/** Our structural types for the runtimes, held against the runtimes' own. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { outcomeOf } from "../../support/outcome.ts";

interface Ending {
  readonly failed: boolean;
  readonly output: string;
}

/** Exact versions: a new one is a change to look at, not a surprise. */
const PACKAGES: Record<string, string> = {
  "bun-types": "1.4.5",
  "typescript": "5.9.3",
};

/** What the guide to installing says that `tsc` needs. */
const NODE_PACKAGES: Record<string, string> = {
  "@types/deno": "2.7.0",
  "@types/node": "26.6.7",
  "typescript": "7.0.2",
};

const TIMEOUT = 120_000;

async function runDeno(args: readonly string[], cwd: string): Promise<Ending> {
  const options = { cwd, limit: TIMEOUT };
  const { code, stdout, stderr } =
    (await outcomeOf(process.execPath, args, options))!;
  return { failed: code !== 0, output: stdout + stderr };
}

function fileHere(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Runs `tsc` in a new folder with these packages. */
async function compile(
  dependencies: Record<string, string>,
  compilerOptions: Record<string, unknown>,
  files: readonly string[],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "websocket-types-"));
  try {
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({ dependencies }),
    );
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files }),
    );
    let installed = await runDeno(["install", "--quiet"], folder);
    // A registry may refuse once.
    if (installed.failed) installed = await runDeno(["install"], folder);
    assertEquals(installed.failed, false, installed.output);
    const compiler = join("node_modules", "typescript", "bin", "tsc");
    const { output } = await runDeno(
      ["run", "--allow-all", compiler, "--pretty", "false", "--project", "."],
      folder,
    );
    return output;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("Handler and Upgrader fit the forms of Deno.serve", async () => {
  // As in a project of a user, who has not asked for isolatedDeclarations.
  const { failed, output } = await runDeno(
    [
      "check",
      "--quiet",
      "--no-config",
      fileHere("deno_forms.ts"),
      fileHere("data_forms.ts"),
      fileHere("ws_forms.ts"),
    ],
    fileHere("."),
  );
  assertEquals(failed, false, output);
}, { only: "deno", timeout: TIMEOUT });

test("Handler and Upgrader fit the forms of Bun.serve", async () => {
  const output = await compile(PACKAGES, {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    target: "esnext",
    lib: ["esnext"],
    module: "preserve",
    moduleResolution: "bundler",
    allowImportingTsExtensions: true,
    types: ["bun-types"],
  }, [
    fileHere("bun_forms.ts"),
    fileHere("data_forms.ts"),
    fileHere("ws_forms.ts"),
  ]);
  // Bun runs `src/` and ships no checker of it; that is `deno check`. What
  // counts here is what a user of the surface meets.
  const faults = output.split(/\n(?=\S)/).filter((fault) =>
    fault.startsWith("error TS") ||
    /^\S*(?:bun|data|ws)_forms\.ts\(/.test(fault)
  );
  assertEquals(faults, []);
}, { only: "deno", timeout: TIMEOUT });

test(
  "the sources check by tsc, with what the guide to installing says",
  async () => {
    const guide = await readFile(
      fileHere("../../../.github/guides/INSTALLING.md"),
      "utf8",
    );
    const settings = /^## TypeScript$.*?```json\n(.*?)```/ms.exec(guide)![1]!;
    const { exports } = JSON.parse(
      await readFile(fileHere("../../../deno.json"), "utf8"),
    ) as { exports: Record<string, string> };
    const output = await compile(
      NODE_PACKAGES,
      {
        ...JSON.parse(settings).compilerOptions,
        // They are not above the sources here.
        typeRoots: ["./node_modules/@types"],
      },
      Object.values(exports).map((path) => fileHere(`../../../${path}`)),
    );
    assertEquals(output, "");
  },
  { only: "deno", timeout: TIMEOUT },
);

test("chat_app's page speaks what its server understands", async () => {
  const folder = await mkdtemp(join(tmpdir(), "websocket-types-"));
  try {
    const config = join(folder, "deno.json");
    await writeFile(
      config,
      JSON.stringify({
        compilerOptions: {
          checkJs: true,
          strict: true,
          noUncheckedIndexedAccess: true,
          exactOptionalPropertyTypes: true,
          lib: ["esnext", "dom", "dom.iterable", "deno.ns"],
        },
      }),
    );
    const { failed, output } = await runDeno(
      ["check", "--quiet", `--config=${config}`, "main.js"],
      fileHere("../../../examples/chat_app/page"),
    );
    assertEquals(failed, false, output);
  } finally {
    await rm(folder, { recursive: true });
  }
}, { only: "deno", timeout: TIMEOUT });
