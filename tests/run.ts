/**
 * The test command: type check, the suite under Deno and the snippets in the
 * documentation; beside them, the suite under Bun, whose output comes behind
 * theirs. Behind all, what failed is told again; the last line is
 * `N passed, N failed` over all of them.
 *
 *     deno task test [--runtime=deno|bun] [FILTER]
 *
 * FILTER is a part of the test files' paths or, if it is in none, of the
 * tests' names.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

import { listUserPages } from "./house/docs/pages.ts";
import { findSnippets, needsPackages } from "./house/docs/snippets.ts";
import { type ExitCode, runChild } from "./support/runner/child.ts";
import { findBun } from "./support/runner/find_bun.ts";
import {
  type Counts,
  countTests,
  listFailures,
  sumCounts,
} from "./support/runner/junit.ts";
import { type Modules, prepareModules } from "./support/runner/modules.ts";

interface Plan {
  readonly deno: boolean;
  readonly bun: boolean;
  readonly files: readonly string[];
  /** A part of the names of the tests to run. */
  readonly name: string | undefined;
  /** Whether the run is of all tests, so that docs are tested as well. */
  readonly all: boolean;
}

/** How a part of the run ended. */
interface Result {
  readonly counts: Counts;
  /** What failed, to be told again at the end: other parts' output is long. */
  readonly failures: readonly string[];
}

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Checked by the test beside them, as a user's own compiler would. */
const USERS_FORMS: readonly string[] = [
  "tests/house/types/bun_forms.ts",
  "tests/house/types/data_forms.ts",
  "tests/house/types/deno_forms.ts",
];
const CHECK_LIMIT = 5 * 60_000;
const SUITE_LIMIT = 25 * 60_000;

async function main(args: readonly string[]): Promise<void> {
  const plan = await makePlan(args);
  const temp = await Deno.makeTempDir({ prefix: "websocket-tests-" });
  let results: readonly Result[];
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
  const failures = results.flatMap((result) => result.failures);
  if (failures.length > 0) console.log(`\nFailed:\n${failures.join("\n")}\n`);
  const { passed, failed } = sumCounts(results.map(({ counts }) => counts));
  if (passed + failed === 0) console.log("No test fits the filter");
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

/** What keeps a part from running counts as a failed test. */
function countFault(error: unknown): Result[] {
  console.error(error);
  return [failedResult(`The test command: ${error}`)];
}

function failedResult(failure: string): Result {
  return {
    counts: { passed: 0, failed: 1, skipped: 0 },
    failures: [failure],
  };
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
): Promise<Result[]> {
  const results: Result[] = [];
  if (plan.all) results.push(await checkTypes(modules, temp));
  results.push(await testOnDeno(plan, modules, temp));
  if (plan.all) results.push(await testDocs(modules, temp));
  return results;
}

async function checkTypes(modules: Modules, temp: string): Promise<Result> {
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
    ...(await Promise.all(
      listUserPages().map((page) => writeSnippets(page, temp)),
    )).flat(),
  ], { timeout: CHECK_LIMIT });
  const passed = code === 0 ? 1 : 0;
  const counts = { passed, failed: 0, skipped: 0 };
  return summarize("Types", { counts, failures: [] }, code);
}

/**
 * A page's blocks as files: a test of their own runs them, and another checks
 * and runs those that need packages.
 */
async function writeSnippets(page: string, temp: string): Promise<string[]> {
  const snippets = findSnippets(await Deno.readTextFile(ROOT + page))
    .filter((snippet) => !needsPackages(snippet));
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
): Promise<Result> {
  console.log(`\nDeno ${Deno.version.deno}`);
  const name = plan.name === undefined ? [] : [`--filter=${plan.name}`];
  return await runDenoTest("Deno", [...name, ...plan.files], modules, temp);
}

/** Apart from the tests: a snippet that cannot be loaded ends its process. */
async function testDocs(modules: Modules, temp: string): Promise<Result> {
  console.log("\nSnippets in the documentation, on Deno");
  const files = await existing("mod.ts", "src");
  return await runDenoTest("Docs", ["--doc", ...files], modules, temp);
}

async function runDenoTest(
  part: string,
  args: readonly string[],
  modules: Modules,
  temp: string,
): Promise<Result> {
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
  return summarize(part, await readResult(report), code);
}

/** Shows its output behind that of `others`. */
async function testOnBun(
  plan: Plan,
  modules: Modules,
  temp: string,
  others: Promise<unknown> | undefined,
): Promise<Result[]> {
  const bun = await findBun();
  if (bun === undefined) {
    await others;
    const fault = "Bun: cannot be found; install it, or npx to fetch it";
    console.log(`\n${fault}`);
    return [failedResult(fault)];
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
  const result = await readResult(report);
  const { counts } = result;
  // Bun also exits with 1 when no name fits.
  const noneFits = plan.name !== undefined && counts.skipped > 0 &&
    counts.passed + counts.failed === 0;
  return [summarize("Bun", result, noneFits ? 0 : code)];
}

/**
 * Says how a part ended. A runtime that fails without a failed test has
 * crashed, or a file could not be loaded: that counts as one.
 */
function summarize(part: string, result: Result, code: ExitCode): Result {
  const failures = result.failures.map((failure) => `${part}: ${failure}`);
  let { passed, failed, skipped } = result.counts;
  let how: string | undefined;
  if (code === undefined) how = "took too long, was ended";
  else if (code !== 0 && failed === 0) how = `ended with exit code ${code}`;
  if (how !== undefined) {
    failed++;
    failures.push(`${part}: ${how}`);
    console.log(`${part}: ${how}`);
  }
  console.log(
    `${part}: ${passed} passed, ${failed} failed, ${skipped} skipped`,
  );
  return { counts: { passed, failed, skipped }, failures };
}

async function readResult(report: string): Promise<Result> {
  let text = "";
  try {
    text = await Deno.readTextFile(report);
  } catch (error) {
    // Without a report it crashed before.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return { counts: countTests(text), failures: listFailures(text) };
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
