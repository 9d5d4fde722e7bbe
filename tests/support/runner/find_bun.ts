import { canRun } from "./child.ts";

/** The command that starts Bun, from PATH or else npm's; `undefined` for none. */
export async function findBun(): Promise<string[] | undefined> {
  if (await canRun(["bun", "--version"])) return ["bun"];
  const npx = [Deno.build.os === "windows" ? "npx.cmd" : "npx", "-y", "bun"];
  return await canRun([...npx, "--version"]) ? npx : undefined;
}
