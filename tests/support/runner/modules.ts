/**
 * Where `@std/assert` and `@std/http` come from. `deno.json` maps them to JSR;
 * where JSR cannot be reached the same modules are taken from npm. All that is
 * made for that lies in a temporary folder.
 */

import { fileURLToPath, pathToFileURL } from "node:url";

import { runChild } from "./child.ts";

/** What the runtimes need in order to find the modules. */
export interface Modules {
  /** Said once at the start of the run. */
  readonly note: string;
  /** The import map for Deno; `undefined` = that of `deno.json`. */
  readonly importMap: string | undefined;
  /** Writes the `tsconfig.json` for Bun, which reads no import maps. */
  tsconfig(): Promise<string>;
}

const ROOT = new URL("../../../", import.meta.url);
const PROBE_LIMIT = 5_000;
const DOWNLOAD_LIMIT = 120_000;
/** The official sources in one npm package, without their types. */
const NPM_STD = "npm:deno-std@1.4.0";
/** Its file server needs files that are not in the package. */
const NPM_FILES: Record<string, readonly string[]> = {
  assert: ["mod"],
  http: [
    "cookie",
    "etag",
    "negotiation",
    "server_sent_event_parse_stream",
    "server_sent_event_stream",
    "status",
    "user_agent",
  ],
};
const STD_MODULES: readonly string[] = Object.keys(NPM_FILES);

interface Config {
  readonly name: string;
  readonly exports: Record<string, string>;
  readonly imports: Record<string, string>;
}

/**
 * Finds out where the modules are to be had, and writes what the runtimes need
 * into the folder `temp`.
 *
 * @throws {Error} If they cannot be loaded.
 */
export async function prepareModules(temp: string): Promise<Modules> {
  const config: Config = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const jsr = await hasJsr(config);
  const importMap = jsr ? undefined : await writeNpmMap(temp);
  return {
    note: jsr
      ? "@std modules: from JSR"
      : `@std modules: JSR cannot be reached, so from ${NPM_STD}`,
    importMap,
    tsconfig: () => writeTsconfig(temp, config, importMap),
  };
}

async function hasJsr(config: Config): Promise<boolean> {
  const specifiers = STD_MODULES.map((name) =>
    config.imports[`@std/${name}`] ?? ""
  );
  const imports = specifiers.map((name) => `import "${name}";`).join("\n");
  const options = { timeout: DOWNLOAD_LIMIT, quiet: true };
  const load = [Deno.execPath(), "eval", "--no-check"];
  if (await runChild([...load, "--cached-only", imports], options) === 0) {
    return true;
  }
  if (!await answers(Deno.env.get("JSR_URL") ?? "https://jsr.io")) return false;
  return await runChild([...load, imports], options) === 0;
}

/** Asked first because a blocked network may let the loading hang. */
async function answers(registry: string): Promise<boolean> {
  try {
    const response = await fetch(new URL("/@std/assert/meta.json", registry), {
      signal: AbortSignal.timeout(PROBE_LIMIT),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function writeNpmMap(temp: string): Promise<string> {
  const imports: Record<string, string> = {};
  for (const [name, files] of Object.entries(NPM_FILES)) {
    const lines = files.map((file) =>
      `export * from "${NPM_STD}/${name}/${file}.js";`
    );
    if (name === "assert") {
      const types = new URL("tests/support/runner/std_assert.d.ts", ROOT);
      lines.unshift(`// @ts-types="${types}"`);
    }
    const path = `${temp}/std_${name}.ts`;
    await Deno.writeTextFile(path, lines.join("\n"));
    imports[`@std/${name}`] = pathToFileURL(path).href;
  }
  const path = `${temp}/import_map.json`;
  await Deno.writeTextFile(path, JSON.stringify({ imports }));
  return path;
}

async function writeTsconfig(
  temp: string,
  config: Config,
  importMap: string | undefined,
): Promise<string> {
  const paths: Record<string, string[]> = {};
  for (const [subpath, file] of Object.entries(config.exports)) {
    const specifier = config.name + subpath.slice(1);
    paths[specifier] = [fileURLToPath(new URL(file, ROOT))];
  }
  for (const name of STD_MODULES) {
    paths[`@std/${name}`] = [await bundle(temp, name, importMap)];
  }
  const path = `${temp}/tsconfig.json`;
  await Deno.writeTextFile(
    path,
    JSON.stringify({ compilerOptions: { paths } }),
  );
  return path;
}

async function bundle(
  temp: string,
  name: string,
  importMap: string | undefined,
): Promise<string> {
  const entry = `${temp}/bundle_${name}.ts`;
  await Deno.writeTextFile(entry, `export * from "@std/${name}";\n`);
  const path = `${temp}/std_${name}.js`;
  const map = importMap ?? fileURLToPath(new URL("deno.json", ROOT));
  const code = await runChild([
    Deno.execPath(),
    "bundle",
    "--quiet",
    `--import-map=${map}`,
    `--output=${path}`,
    entry,
  ], { timeout: DOWNLOAD_LIMIT });
  if (code !== 0) throw new Error(`Cannot bundle "@std/${name}" for Bun`);
  return path;
}
