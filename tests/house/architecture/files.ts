/** The files of the checkout, as the tests of the architecture see them. */

import { readdirSync, readFileSync, statSync } from "node:fs";

const ROOT = new URL("../../../", import.meta.url);

/** The paths of all files below `folder`, from the root on, sorted. */
export function listFiles(folder: string): string[] {
  const url = new URL(`${folder}/`, ROOT);
  if (statSync(url, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(url, { recursive: true, encoding: "utf8" })
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
    .filter((path) => statSync(new URL(path, ROOT)).isFile())
    .sort();
}

/** The names at the top of the checkout, without dotfiles. */
export function listTop(): string[] {
  return readdirSync(ROOT).filter((name) => !name.startsWith(".")).sort();
}

/** The text of a file. */
export function readText(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** The files that the package exports, by what `deno.json` calls them. */
export function entryPoints(): Record<string, string> {
  const { exports } = JSON.parse(readText("deno.json"));
  return Object.fromEntries(
    Object.entries(exports as Record<string, string>)
      .map(([name, path]) => [name, path.replace("./", "")]),
  );
}
