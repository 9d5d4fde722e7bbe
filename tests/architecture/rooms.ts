/** Who may import whom; the same as in `.github/ARCHITECTURE.md`. */

import { findImports, readSource } from "./source.ts";

/** Public values and errors at the top of `src/`; they know nobody. */
const LEAVES: readonly string[] = ["message", "close", "errors", "prepared"];

/** The rooms, and what each may import beside itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  leaves: [],
  protocol: ["leaves"],
  handshake: ["leaves"],
  proxy: ["leaves", "handshake/head.ts", "handshake/host_port.ts"],
  cookies: ["leaves"],
  transport: ["leaves"],
  deflate: ["leaves", "handshake/tokens.ts", "handshake/extensions.ts"],
  wire: ["leaves", "protocol", "deflate", "transport"],
  runtime: ["leaves", "transport"],
  conn: ["leaves", "transport"],
  // They introduce the rooms to each other.
  composition: [
    "leaves",
    "protocol",
    "handshake",
    "proxy",
    "cookies",
    "transport",
    "deflate",
    "wire",
    "runtime",
    "conn",
  ],
};

/**
 * What is wrong with the imports and the names of one file, given its path
 * from `src/` on; empty when all is well.
 */
export function findFaults(path: string, text: string): string[] {
  const room = roomOf(path);
  const allowed = MAY_IMPORT[room];
  if (allowed === undefined) return [`is in an unknown room, "${room}"`];
  const source = readSource(text);
  const faults: string[] = [];
  for (const { specifier } of findImports(source)) {
    const fault = faultOfImport(path, room, allowed, specifier);
    if (fault !== undefined) faults.push(fault);
  }
  if (room !== "runtime") {
    for (const name of ["Deno", "Bun"]) {
      const names = new RegExp(`(?<![\\w$])${name}(?![\\w$])`);
      const tests = new RegExp(`(["'\`])${name}\\1`);
      if (names.test(source.bare) || tests.test(source.code)) {
        faults.push(`names ${name}, which only runtime/ may`);
      }
    }
  }
  return faults;
}

function faultOfImport(
  path: string,
  room: string,
  allowed: readonly string[],
  specifier: string,
): string | undefined {
  if (specifier === "node:timers") {
    return "imports node:timers, which the tests' gauge does not see";
  }
  if (specifier.startsWith("node:")) {
    // zlib is alike on all runtimes, and is the only coder there is.
    return room === "runtime" ||
        (room === "deflate" && specifier === "node:zlib")
      ? undefined
      : `imports ${specifier}, which only runtime/ may`;
  }
  if (!/^\.\.?\//.test(specifier)) return `imports the package ${specifier}`;
  const target = new URL(specifier, `file:///src/${path}`).pathname;
  if (!target.startsWith("/src/")) return `imports ${specifier}, outside src/`;
  const targetPath = target.slice("/src/".length);
  const targetRoom = roomOf(targetPath);
  // The runtimes' rooms share what lies beside them, and know no other one.
  const sameRoom = targetRoom === room && (room !== "runtime" ||
    ["runtime", folderOf(path)].includes(folderOf(targetPath)));
  if (sameRoom || allowed.includes(targetRoom)) return undefined;
  if (allowed.includes(targetPath)) return undefined;
  return `imports ${targetPath}, which is not open to ${room}`;
}

function roomOf(path: string): string {
  const [folder = "", ...rest] = path.split("/");
  if (rest.length > 0) return folder;
  return LEAVES.includes(folder.replace(/\.ts$/, ""))
    ? "leaves"
    : "composition";
}

/** `runtime/deno` of `runtime/deno/upgrade.ts`. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
