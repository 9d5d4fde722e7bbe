/** The entry point for browsers, as a bundler makes it. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { programOf } from "../../support/child.ts";

/** What is missing where it cannot be bundled. */
export const lacksBundler: string | undefined = programOf("deno") === undefined
  ? "deno, which bundles"
  : undefined;

/** The module, bundled for browsers and minified. */
export function bundleForBrowsers(): string {
  const file = new URL("../../../src/browser/mod.ts", import.meta.url);
  const { status, stdout, stderr } = spawnSync(programOf("deno")!, [
    "bundle",
    "--quiet",
    "--platform",
    "browser",
    "--minify",
    fileURLToPath(file),
  ], { encoding: "utf8", maxBuffer: 1 << 24 });
  if (status !== 0) throw new Error(`Cannot bundle: ${stderr}`);
  return stdout;
}
