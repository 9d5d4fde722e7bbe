/**
 * The frameworks of `.github/guides/MOUNTING.md`, as npm has them: installed
 * into a folder outside of the checkout, and kept there for the runs of a week.
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** What is installed: the newest of each major version that the guide names. */
const PACKAGES: readonly string[] = [
  "@hono/node-server@2",
  "@oakserver/oak@14",
  "@types/express@5",
  "@types/koa@3",
  "@types/node@24",
  "elysia@1",
  "express@5",
  "fastify@5",
  "h3@2",
  "hono@4",
  "koa@3",
  "vite@8",
];

const INSTALL_LIMIT = 120_000;
/** Systems delete temporary files of ten days and more, one by one. */
const WEEK = 7 * 24 * 60 * 60_000;

/** A folder whose `node_modules` has the frameworks, or what is missing. */
export type Frameworks =
  | { readonly folder: string; readonly lacks?: undefined }
  | { readonly folder?: undefined; readonly lacks: string };

/** Finds the frameworks, or installs them. */
export async function findFrameworks(): Promise<Frameworks> {
  const list = [...PACKAGES, Math.floor(Date.now() / WEEK)].join("\n");
  const hash = createHash("sha256").update(list).digest("hex").slice(0, 16);
  const user = process.getuid?.() ?? "user";
  const name = `websocket-frameworks-${user}-${hash}`;
  const folder = join(tmpdir(), name);
  if (isOurs(folder)) return { folder };
  const fresh = mkdtempSync(`${folder}-`);
  writeFileSync(join(fresh, "package.json"), '{ "type": "module" }');
  try {
    const fault = await install(fresh);
    if (fault !== undefined) return { lacks: `npm's frameworks: ${fault}` };
    try {
      renameSync(fresh, folder);
    } catch (error) {
      // The other runtime's run has been quicker.
      if (!isOurs(folder)) throw error;
    }
    return { folder };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Others may write where temporary files are: what is theirs is not run. */
function isOurs(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return false;
  const user = process.getuid?.();
  if (user === undefined || found.uid === user) return true;
  throw new Error(`Cannot use ${folder}: it belongs to another user`);
}

/** Installs the packages; what is wrong, if they cannot be had. */
async function install(folder: string): Promise<string | undefined> {
  const ended = Promise.withResolvers<string | undefined>();
  const npm = spawn("npm", [
    "install",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
    "--no-update-notifier",
    "--fetch-retries=0",
    ...PACKAGES,
  ], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    // There it is a script, which only a shell starts.
    shell: process.platform === "win32",
  });
  let errors = "";
  npm.stderr!.on("data", (data) => errors += data);
  npm.on("error", ({ message }) => ended.resolve(message));
  npm.on("close", (code) => {
    if (code === 0) return ended.resolve(undefined);
    const [first] = errors.split("\n").filter((line) => /error/i.test(line));
    ended.resolve(first ?? `npm install ended with ${code}`);
  });
  const timer = setTimeout(() => {
    npm.kill("SIGKILL");
    ended.resolve(`npm install takes longer than ${INSTALL_LIMIT} ms`);
  }, INSTALL_LIMIT);
  try {
    return await ended.promise;
  } finally {
    clearTimeout(timer);
  }
}
