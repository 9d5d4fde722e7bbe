/**
 * Runs the snippets in the documentation that make connections in memory, on
 * both runtimes, and looks whether any is left when its last line is done. The
 * sanitizers of `deno test --doc` find some, depending on what takes longer.
 */

import { assert, assertEquals } from "@std/assert";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { listFiles, readText } from "../architecture/files.ts";
import { test } from "../../support/helper.ts";
import { made } from "./late_testing.ts";
import { findSnippets } from "./snippets.ts";

const TESTING = "@silverback/websocket/testing";
const LATE: string = new URL("late_testing.ts", import.meta.url).href;

for (const file of ["mod.ts", ...listFiles("src")]) {
  // Of a documenting comment, what stands behind the stars.
  const comments = readText(file).replaceAll(/^ *\*(?: |$)/gm, "");
  const snippets = findSnippets(comments).filter(({ code }) =>
    code.includes(`"${TESTING}"`)
  );
  if (snippets.length === 0) continue;
  test(`${file}: snippets leave no connection behind`, async () => {
    for (const { code } of snippets) {
      assertEquals(await leftBy(code), 0, code);
    }
  });
}

test("the check of the snippets sees an end that nobody awaits", async () => {
  const code = `
    import { pipe } from "${TESTING}";
    const [client] = pipe();
    await client.close();
  `;
  assertEquals(await leftBy(code), 1);
  assert(made.length > 0);
});

/** How many of the connections that a snippet makes are not over behind it. */
async function leftBy(code: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "websocket-snippet-"));
  made.length = 0;
  try {
    const file = join(folder, "snippet.ts");
    await writeFile(file, code.replaceAll(TESTING, LATE));
    await import(pathToFileURL(file).href);
    return made.filter(({ state }) => state !== "closed").length;
  } finally {
    await rm(folder, { recursive: true });
  }
}
