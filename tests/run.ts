/**
 * The test command: type check, the suite under Deno and the snippets in the
 * documentation; beside them, the suite under Bun, whose output comes behind
 * theirs. Its last line is `N passed, N failed` over all of them.
 *
 *     deno task test [--runtime=deno|bun] [FILTER]
 *
 * FILTER is a part of the test files' paths or, if it is in none, of the
 * tests' names.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

import { findSnippets } from "./docs/snippets.ts";
import { type ExitCode, runChild } from "./runner/child.ts";
import { findBun } from "./runner/find_bun.ts";
import { type Counts, countTests, sumCounts } from "./runner/junit.ts";
import { type Modules, prepareModules } from "./runner/modules.ts";

interface Plan {
  readonly deno: boolean;
  readonly bun: boolean;
  readonly files: readonly string[];
  /** A part of the names of the tests to run. */
  readonly name: string | undefined;
  /** Whether the run is of all tests, so that docs are tested as well. */
  readonly all: boolean;
}

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Checked by the test beside them, as a user's own compiler would. */
const USERS_FORMS: readonly string[] = [
  "tests/types/bun_forms.ts",
  "tests/types/deno_forms.ts",
];
const CHECK_LIMIT = 5 * 60_000;
const SUITE_LIMIT = 10 * 60_000;

async function main(args: readonly string[]): Promise<void> {
  const plan = await makePlan(args);
  const temp = await Deno.makeTempDir({ prefix: "websocket-tests-" });
  let results: readonly Counts[];
  try {
    const modules = await prepareModules(temp);
    console.log(modules.note);
    // At the same time: each waits more than it computes.
    const onDeno = plan.deno
      ? runOnDeno(plan, modules, temp).catch(countFault)
      : undefined;
    const onBun = plan.bun
      ? testOnBun(plan, modules, temp, onDeno).catch(countFault)
      : undefined;
    results = [...await onDeno ?? [], ...await onBun ?? []];
  } catch (error) {
    results = countFault(error);
  } finally {
    await Deno.remove(temp, { recursive: true });
  }
  const { passed, failed } = sumCounts(results);
  if (passed + failed === 0) console.log("No test fits the filter");
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

/** What keeps a part from running counts as a failed test. */
function countFault(error: unknown): Counts[] {
  console.error(error);
  return [{ passed: 0, failed: 1, skipped: 0 }];
}

async function makePlan(args: readonly string[]): Promise<Plan> {
  let runtime: string | undefined;
  let filter: string | undefined;
  for (const arg of args) {
    if (arg === "--runtime=deno" || arg === "--runtime=bun") {
      runtime = arg.slice("--runtime=".length);
    } else if (arg.startsWith("-") || filter !== undefined) {
      console.error("Usage: deno task test [--runtime=deno|bun] [FILTER]");
      Deno.exit(2);
    } else {
      filter = arg;
    }
  }
  const files = (await Array.fromAsync(filesBelow("tests")))
    .filter((file) => file.endsWith("_test.ts")).sort();
  const fitting = files.filter((file) => file.includes(filter ?? ""));
  return {
    deno: runtime !== "bun",
    bun: runtime !== "deno",
    files: fitting.length > 0 ? fitting : files,
    name: fitting.length > 0 ? undefined : filter,
    all: filter === undefined,
  };
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(ROOT + folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

async function runOnDeno(
  plan: Plan,
  modules: Modules,
  temp: string,
): Promise<Counts[]> {
  const results: Counts[] = [];
  if (plan.all) results.push(await checkTypes(modules, temp));
  results.push(await testOnDeno(plan, modules, temp));
  if (plan.all) results.push(await testDocs(modules, temp));
  return results;
}

async function checkTypes(modules: Modules, temp: string): Promise<Counts> {
  console.log("\nTypes, by deno check");
  const tests = (await Array.fromAsync(filesBelow("tests")))
    .filter((file) => file.endsWith(".ts") && !USERS_FORMS.includes(file));
  const code = await runChild([
    Deno.execPath(),
    "check",
    "--quiet",
    ...mapFlag(modules),
    "--doc",
    ...await existing("mod.ts", "src", "examples"),
    ...tests,
    ...await writeSnippets("README.md", temp),
  ], { timeout: CHECK_LIMIT });
  const failed = code === 0 ? 0 : 1;
  return summarize("Types", { passed: 1 - failed, failed, skipped: 0 }, code);
}

/** A page's blocks as files: the README's own test runs them. */
async function writeSnippets(page: string, temp: string): Promise<string[]> {
  const snippets = findSnippets(await Deno.readTextFile(ROOT + page));
  return await Promise.all(snippets.map(async ({ name, code }) => {
    const path = `${temp}/${`${page} ${name}`.replaceAll(/[^\w.-]/g, "_")}.ts`;
    await Deno.writeTextFile(path, code);
    return path;
  }));
}

async function testOnDeno(
  plan: Plan,
  modules: Modules,
  temp: string,
): Promise<Counts> {
  console.log(`\nDeno ${Deno.version.deno}`);
  const name = plan.name === undefined ? [] : [`--filter=${plan.name}`];
  return await runDenoTest("Deno", [...name, ...plan.files], modules, temp);
}

/** Apart from the tests: a snippet that cannot be loaded ends its process. */
async function testDocs(modules: Modules, temp: string): Promise<Counts> {
  console.log("\nSnippets in the documentation, on Deno");
  const files = await existing("mod.ts", "src");
  return await runDenoTest("Docs", ["--doc", ...files], modules, temp);
}

async function runDenoTest(
  part: string,
  args: readonly string[],
  modules: Modules,
  temp: string,
): Promise<Counts> {
  const report = `${temp}/${part}.xml`;
  const code = await runChild([
    Deno.execPath(),
    "test",
    "--allow-all",
    "--no-check",
    ...mapFlag(modules),
    `--junit-path=${report}`,
    ...args,
  ], { timeout: SUITE_LIMIT });
  return summarize(part, await readCounts(report), code);
}

/** Shows its output behind that of `others`. */
async function testOnBun(
  plan: Plan,
  modules: Modules,
  temp: string,
  others: Promise<unknown> | undefined,
): Promise<Counts[]> {
  const bun = await findBun();
  if (bun === undefined) {
    await others;
    console.log("\nBun: cannot be found; install it, or npx to fetch it");
    return [{ passed: 0, failed: 1, skipped: 0 }];
  }
  const title = `\nBun, as ${bun.join(" ")}`;
  const log = others && `${temp}/Bun.log`;
  if (log === undefined) console.log(title);
  const report = `${temp}/Bun.xml`;
  const code = await runChild([
    ...bun,
    "test",
    `--tsconfig-override=${await modules.tsconfig()}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...plan.name === undefined
      ? []
      : [`--test-name-pattern=${RegExp.escape(plan.name)}`],
    ...plan.files.map((file) => `./${file}`),
  ], { timeout: SUITE_LIMIT, log });
  if (log !== undefined) {
    await others;
    console.log(title);
    console.log(await Deno.readTextFile(log));
  }
  const counts = await readCounts(report);
  // Bun also exits with 1 when no name fits.
  const noneFits = plan.name !== undefined && counts.skipped > 0 &&
    counts.passed + counts.failed === 0;
  return [summarize("Bun", counts, noneFits ? 0 : code)];
}

/**
 * Says how a part ended. A runtime that fails without a failed test has
 * crashed, or a file could not be loaded: that counts as one.
 */
function summarize(part: string, counts: Counts, code: ExitCode): Counts {
  const crashed = code !== 0 && counts.failed === 0;
  if (code === undefined) console.log(`${part}: took too long, was ended`);
  else if (crashed) console.log(`${part}: ended with exit code ${code}`);
  const total = sumCounts([
    counts,
    { passed: 0, failed: crashed ? 1 : 0, skipped: 0 },
  ]);
  const { passed, failed, skipped } = total;
  console.log(
    `${part}: ${passed} passed, ${failed} failed, ${skipped} skipped`,
  );
  return total;
}

async function readCounts(report: string): Promise<Counts> {
  try {
    return countTests(await Deno.readTextFile(report));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { passed: 0, failed: 0, skipped: 0 }; // It crashed before.
  }
}

function mapFlag(modules: Modules): string[] {
  return modules.importMap === undefined
    ? []
    : [`--import-map=${modules.importMap}`];
}

async function existing(...paths: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    try {
      await Deno.stat(ROOT + path);
      found.push(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

await main(Deno.args);
