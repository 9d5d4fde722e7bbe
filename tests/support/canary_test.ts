/**
 * Runs the tests in `canary/`, each of which has a fault, as programs of their
 * own: a suite whose gauges are off would pass as well as one without faults.
 */

import process from "node:process";

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runtime, test } from "./helper.ts";
import { outcomeOf } from "./outcome.ts";

interface Ending {
  readonly code: number | null;
  readonly output: string;
}

/** Every canary, and what the runner must say about it. */
const CANARIES: Record<string, string> = {
  assertion: "a canary sings",
  rejection: "a canary sings",
  late: 'Cannot wait for the test "a test that does not end"',
  timer: "a timer: setTimeout(…, 60000)",
  interval: "a timer: setInterval(…, 60000)",
  socket: runtime === "deno" ? "kind TCPServerWrap" : "a socket: tcp port",
};

async function runCanary(name: string): Promise<Ending> {
  const args = runtime === "deno"
    ? ["test", "--allow-all", "--no-check", `tests/support/canary/${name}.ts`]
    : ["test", `./tests/support/canary/${name}.ts`];
  const { code, stdout, stderr } = (await outcomeOf(process.execPath, args))!;
  return { code, output: stdout + stderr };
}

test("test() passes a test without a fault", async () => {
  const { code, output } = await runCanary("control");
  assertEquals(code, 0, output);
}, { timeout: 60_000 });

test("test() fails every kind of fault", async () => {
  const names = Object.keys(CANARIES);
  const endings = await Promise.all(names.map(runCanary));
  for (const [i, { code, output }] of endings.entries()) {
    const name = names[i] ?? "";
    // Bun's sockets are seen on Linux only.
    const seen = name !== "socket" || runtime === "deno" ||
      process.platform === "linux";
    if (!seen) continue;
    assert(code !== 0 && code !== null, `${name}: exit code ${code}`);
    assertStringIncludes(output, CANARIES[name] ?? "", name);
  }
}, { timeout: 60_000 });

test("deno.json turns Deno's own sanitizers on", async () => {
  const { code, output } = await runCanary("deno_resource");
  assertEquals(code, 1, output);
  assertStringIncludes(output, "A TCP listener was opened during the test");
}, { only: "deno", timeout: 60_000 });
