import process from "node:process";

/** The part of Deno that we use here. */
interface DenoEnvironment {
  readonly permissions?: {
    querySync(what: { name: "env"; variable: string }): { state: string };
  };
  readonly env: { get(name: string): string | undefined };
}

/**
 * Reads an environment variable. Deno would prompt the user for a missing
 * permission, so we check beforehand whether it has it.
 *
 * @param name The variable
 * @returns Its value; `undefined` if it is not set, or may not be read
 */
export function readVariable(name: string): string | undefined {
  const { Bun, Deno } = globalThis as {
    Bun?: unknown;
    Deno?: DenoEnvironment;
  };
  if (Bun !== undefined || Deno?.permissions === undefined) {
    return process.env[name];
  }
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
