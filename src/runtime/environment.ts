import process from "node:process";

/** What is used here of Deno. */
interface DenoEnvironment {
  readonly permissions?: {
    querySync(what: { name: "env"; variable: string }): { state: string };
  };
  readonly env: { get(name: string): string | undefined };
}

/**
 * Reads an environment variable. Deno would ask the user for a permission that
 * it lacks; it is found out beforehand whether it has it, so that it does not.
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
