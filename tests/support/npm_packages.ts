/**
 * Packages from npm: installed once, into a folder outside of the checkout,
 * which knows nothing of them.
 */

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";

const INSTALL_LIMIT = 60_000;
const RETRY_AFTER = 600_000;

/**
 * Installs packages of exact versions.
 *
 * @param name What the folder is named after
 * @param packages Their versions, by their names
 * @returns The folder, or `undefined` where they cannot be had
 */
export function installPackages(
  name: string,
  packages: Readonly<Record<string, string>>,
): string | undefined {
  const names = Object.entries(packages).map(([one, version]) =>
    `${one}@${version}`
  );
  const mark = names.join("+").replaceAll(/[^\w.-]/g, "_");
  // Several runs may share it: it is there when it is whole.
  const folder = `${tmpdir()}/websocket-${name}-${mark}`;
  if (existsSync(folder)) return folder;
  // One that has failed is not tried again for each file and runtime.
  const failed = `${folder}.failed`;
  const at = statSync(failed, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - at < RETRY_AFTER) return undefined;
  const made = `${folder}.${process.pid}`;
  mkdirSync(made, { recursive: true });
  writeFileSync(
    `${made}/package.json`,
    JSON.stringify({ private: true, dependencies: packages }),
  );
  const commands = [
    [
      "npm",
      "install",
      "--no-audit",
      "--no-fund",
      "--silent",
      "--fetch-retries=0",
    ],
    ["bun", "install", "--silent"],
  ] as const;
  for (const [program, ...args] of commands) {
    const { status } = spawnSync(program, args, {
      cwd: made,
      timeout: INSTALL_LIMIT,
      stdio: "ignore",
    });
    if (status !== 0) continue;
    try {
      renameSync(made, folder);
    } catch {
      // Another run was quicker.
      rmSync(made, { recursive: true });
    }
    return folder;
  }
  rmSync(made, { recursive: true });
  writeFileSync(failed, "");
  return undefined;
}
