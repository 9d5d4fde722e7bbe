/** Who may import whom; the same as in `.github/ARCHITECTURE.md`. */

import { findImports, readSource } from "./source.ts";

/** Public values and errors at the top of `src/`. */
const LEAVES: readonly string[] = [
  "message",
  "close",
  "errors",
  "peer_errors",
  "prepared",
];

/**
 * The rooms, and what each may import beside itself. Nobody knows those of the
 * other entry points: `testing`, `compat`, `ws` and `browser`.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  leaves: ["base"],
  protocol: ["base", "leaves"],
  handshake: ["base", "leaves"],
  proxy: ["base", "leaves", "handshake/head.ts", "handshake/host_port.ts"],
  cookies: ["base", "leaves"],
  transport: ["base", "leaves"],
  streams: ["base", "leaves", "transport"],
  deflate: [
    "base",
    "leaves",
    "transport",
    "handshake/tokens.ts",
    "handshake/extensions.ts",
  ],
  wire: ["base", "leaves", "protocol", "transport"],
  runtime: ["base", "leaves", "transport"],
  conn: ["base", "leaves", "transport"],
  "conn_over": [
    "base",
    "leaves",
    "transport",
    "streams",
    "conn",
    "wire",
    "protocol/tuning.ts",
    "handshake/tokens.ts",
    "runtime/engine.ts",
    "runtime/quirks/text.ts",
    "runtime/sockets/socket_stream.ts",
  ],
  client: [
    "base",
    "leaves",
    "transport",
    "streams",
    "conn",
    "conn_over",
    "handshake",
    "proxy",
    "cookies",
    "deflate",
    "runtime/abort.ts",
    "runtime/environment.ts",
    "runtime/sockets",
  ],
  server: [
    "base",
    "leaves",
    "transport",
    "conn",
    "conn_over",
    "handshake",
    "deflate",
    "wire/wire_transport.ts",
    "runtime",
  ],
  pubsub: ["base", "leaves", "conn/conn.ts"],
  testing: [
    "base",
    "leaves",
    "transport",
    "conn",
    "conn_over",
    "protocol/mask.ts",
    "handshake",
    "client/connect.ts",
    "runtime/sockets",
  ],
  browser: ["base", "leaves", "transport", "conn"],
  compat: ["base", "leaves", "conn", "handshake", "client"],
  ws: [
    "base",
    "leaves",
    "transport",
    "conn",
    "conn_over",
    "handshake",
    "deflate",
    "client",
    "runtime/sockets",
    "runtime/http/node_response.ts",
    "runtime/quirks/tls_flow.ts",
  ],
};

/** Within `runtime/`: what its folders may import beside itself and its top. */
const RUNTIME_MAY_IMPORT: Record<string, readonly string[]> = {
  runtime: [],
  "runtime/quirks": [],
  "runtime/sockets": ["runtime/quirks"],
  "runtime/http": ["runtime/quirks", "runtime/sockets"],
  "runtime/deno": [],
  "runtime/bun": [],
};

/** The modules of node that a file outside of `runtime/` may import. */
const NODE_MODULES: Record<string, readonly string[]> = {
  // zlib is alike on all runtimes, and is the only coder there is.
  deflate: ["node:zlib"],
  // Alike on all runtimes; nobody is told anything without having asked.
  "conn/channels.ts": ["node:diagnostics_channel"],
  // Arithmetic, without I/O.
  "server/client_addr.ts": ["node:net"],
  "handshake/accept.ts": ["node:crypto"],
  // Its surface is of node's own objects.
  ws: [
    "node:buffer",
    "node:crypto",
    "node:events",
    "node:http",
    "node:stream",
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
    const open = NODE_MODULES[path] ?? NODE_MODULES[room] ?? [];
    return room === "runtime" || open.includes(specifier)
      ? undefined
      : `imports ${specifier}, which only runtime/ may`;
  }
  if (!/^\.\.?\//.test(specifier)) return `imports the package ${specifier}`;
  const target = new URL(specifier, `file:///src/${path}`).pathname;
  if (!target.startsWith("/src/")) return `imports ${specifier}, outside src/`;
  const targetPath = target.slice("/src/".length);
  const targetRoom = roomOf(targetPath);
  const targetFolder = folderOf(targetPath);
  if (targetRoom === room) {
    if (room !== "runtime") return undefined;
    const folder = folderOf(path);
    const within = [folder, "runtime", ...RUNTIME_MAY_IMPORT[folder] ?? []];
    if (within.includes(targetFolder)) return undefined;
  } else if (
    [targetRoom, targetFolder, targetPath].some((name) =>
      allowed.includes(name)
    )
  ) return undefined;
  return `imports ${targetPath}, which is not open to ${room}`;
}

function roomOf(path: string): string {
  const [folder = "", ...rest] = path.split("/");
  if (rest.length > 0) return folder;
  const name = folder.replace(/\.ts$/, "");
  return LEAVES.includes(name) ? "leaves" : name;
}

/** `runtime/deno` of `runtime/deno/upgrade.ts`. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
