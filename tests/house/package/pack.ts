/** The package as its users get it. */

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { listFiles, readText } from "../architecture/files.ts";

/** What `deno.json` says of the package. */
interface Config {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, string>;
  readonly publish: { readonly include: readonly string[] };
}

/** The package's own description. */
export const config: Config = JSON.parse(readText("deno.json"));

const ROOT = new URL("../../../", import.meta.url);

/** The files that are published, by `publish.include`: files, and `a/**\/*.b`. */
export function publishedFiles(): string[] {
  return config.publish.include.flatMap((pattern) => {
    const [folder, ending] = pattern.split("/**/*");
    return ending === undefined
      ? [pattern]
      : listFiles(folder!).filter((file) => file.endsWith(ending));
  }).sort();
}

/** Unpacks what is published into a folder. */
export function unpack(folder: string): void {
  for (const file of publishedFiles()) {
    cpSync(new URL(file, ROOT), `${folder}/${file}`);
  }
}

/** Turns TypeScript into JavaScript. */
export type Transpile = (code: string) => string;

/**
 * Installs the package for runtimes with a `node_modules`, as JSR hands it to
 * them: JavaScript, and a `package.json` that has the exports.
 */
export function installAsNpm(project: string, transpile: Transpile): void {
  const folder = `${project}/node_modules/${config.name}`;
  for (const file of publishedFiles().filter((file) => file.endsWith(".ts"))) {
    const path = `${folder}/${toJs(file)}`;
    mkdirSync(dirname(path), { recursive: true });
    const specifier = /(\bfrom\s*"\.[^"]*)\.ts"/g;
    const code = transpile(readText(file));
    writeFileSync(path, code.replaceAll(specifier, '$1.js"'));
  }
  writePackageJson(folder, toJs);
}

/** Writes the `package.json` of an unpacked package. */
export function writePackageJson(
  folder: string,
  toEntry: (file: string) => string = (file) => file,
): void {
  const { name, version } = config;
  const exports = Object.fromEntries(
    Object.entries(config.exports).map(([path, file]) => [path, toEntry(file)]),
  );
  const text = JSON.stringify({ name, version, type: "module", exports });
  writeFileSync(`${folder}/package.json`, text);
}

function toJs(file: string): string {
  return file.replace(/\.ts$/, ".js");
}

/** Copies programs of this checkout as a user would have written them. */
export function copyPrograms(files: readonly string[], folder: string): void {
  for (const file of files) {
    const code = readText(file).replaceAll('"../mod.ts"', `"${config.name}"`);
    // The folder of the program itself becomes the user's.
    const path = `${folder}/${
      file.replace(/^(?:examples|tests\/house\/package)\//, "")
    }`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }
}
