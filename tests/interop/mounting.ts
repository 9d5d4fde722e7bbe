/**
 * The programs of the guides that need packages, run as they stand there, in a
 * project where the frameworks are installed.
 */

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { Program, START_LIMIT } from "../examples/program.ts";
import { readText } from "../house/architecture/files.ts";
import { listUserPages } from "../house/docs/pages.ts";
import {
  findSnippets,
  needsPackages,
  type Snippet,
} from "../house/docs/snippets.ts";
import { freePort } from "../support/free_port.ts";
import { type runtime, withTimeout } from "../support/helper.ts";
import { findFrameworks, type Frameworks } from "./frameworks.ts";

/** Where a program runs. */
export type Place = typeof runtime | "node";

/** How a program of the guide is run. */
export interface Way {
  /** The heading that it stands under. */
  readonly heading: string;
  /** Who runs it. Default: the runtime itself. */
  readonly by?: "vite" | "deno serve";
  /** Changes the program. */
  readonly change?: (code: string) => string;
  /** The port that it listens on. Default: one that is free. */
  readonly port?: number;
  /** Its environment variables, beside those of the test. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The page of the programs. */
export const GUIDE: string = ".github/guides/MOUNTING.md";

/** What the programs need, or what is missing. */
export const frameworks: Frameworks = await findFrameworks();

/** The programs. */
export const programs: readonly Snippet[] = listUserPages().flatMap((page) =>
  findSnippets(readText(page)).filter(needsPackages)
);

/** Without what fetch would keep open: some servers would wait for it. */
export const CLOSING: RequestInit = { headers: { Connection: "close" } };

const MOD: string = new URL("../../mod.ts", import.meta.url).href;
const [socket] = findSnippets(readText(GUIDE));

/** The first block under a heading. */
export function programOf(heading: string): string {
  return programs.find(({ name }) => name === `${heading} 1`)!.code;
}

/** A user's project, with what the programs share. */
export async function withProject(
  fn: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(frameworks.folder!, "project-"));
  try {
    // Of its own, as Vite keeps a cache beside it.
    const manifest = join(frameworks.folder!, "package.json");
    copyFileSync(manifest, join(folder, "package.json"));
    writeFileSync(join(folder, "socket.ts"), localized(socket!.code));
    writeFileSync(
      join(folder, "index.html"),
      "<!doctype html><title>A page</title>",
    );
    await fn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As a program would import what it has installed. */
export function localized(code: string): string {
  return code
    .replaceAll('"@silverback/websocket"', JSON.stringify(MOD))
    .replaceAll('"@oak/oak"', '"@oakserver/oak"');
}

/** Runs a program until `fn` is done with it. */
export async function withProgram(
  way: Way,
  place: Place,
  fn: (host: string, program: Program) => Promise<void>,
): Promise<void> {
  const { heading, by, change = (code) => code, env = {} } = way;
  await withProject(async (folder) => {
    const port = way.port ?? await freePort();
    const at = ["--port", String(port), "--host", "127.0.0.1"];
    const [path, file, args] = by === "vite"
      ? ["vite.config.ts", "../node_modules/vite/bin/vite.js", at] as const
      : ["main.ts", "main.ts", []] as const;
    const code = localized(programOf(heading)).replaceAll("3000", String(port));
    writeFileSync(join(folder, path), change(code));
    const deno = by === "deno serve" ? ["serve", ...at] : ["run"];
    const command = {
      deno: [...deno, "--allow-all", "--no-check", "--no-lock", "--quiet"],
      bun: ["run"],
      node: ["--no-warnings"],
    }[place];
    await using program = new Program(file, args, {
      runtime: place === "node" ? "node" : process.execPath,
      command,
      folder,
      // Where it is set, h3's server does not stop by itself.
      env: { CI: "", ...env },
    });
    const host = `127.0.0.1:${port}`;
    await untilServed(host);
    await fn(host, program);
  });
}

/** Waits until a program listens. */
async function untilServed(host: string): Promise<void> {
  const served = async (): Promise<void> => {
    for (;;) {
      try {
        await (await fetch(`http://${host}/`, CLOSING)).text();
        return;
      } catch {
        // It does not listen yet.
      }
    }
  };
  await withTimeout(served(), START_LIMIT, `a server on ${host}`);
}
