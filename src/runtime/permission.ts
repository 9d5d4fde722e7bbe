import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** The part of Deno that we use here. */
interface DenoRuntime {
  readonly permissions?: {
    querySync(what: NetDescriptor): PermissionState;
    request(what: NetDescriptor): Promise<PermissionState>;
  };
  readonly errors: { readonly NotCapable: new (message: string) => Error };
}

interface NetDescriptor {
  readonly name: "net";
  readonly host: string;
}

interface PermissionState {
  readonly state: string;
}

/**
 * The address to listen on. Without the permission for it, Deno's `node:http`
 * ends the process instead of reporting an error, so the permission is requested
 * here, as Deno itself would.
 *
 * @param hostname The host name or IP address
 * @param port The port
 * @returns The IP address
 * @throws {NotCapable} Rejects if Deno does not permit it
 * @throws {Error} Rejects if the name is unknown
 */
export async function listenAddress(
  hostname: string,
  port: number,
): Promise<string> {
  // Of a name that is unknown, Bun reports whatever error came last.
  const address = isIP(hostname) !== 0 ? hostname : await lookUp(
    hostname,
    port,
  );
  const deno = denoRuntime();
  if (deno === undefined) return address;
  const host = hostOf(address, port);
  const { state } = await deno.permissions!.request({ name: "net", host });
  if (state !== "granted") throw netDenied(deno, host);
  return address;
}

async function lookUp(hostname: string, port: number): Promise<string> {
  try {
    return (await lookup(hostname)).address;
  } catch (error) {
    throw lookupError(error, hostname, port);
  }
}

/**
 * The error of a look-up, which on Deno only says EPERM if it was not
 * permitted.
 *
 * @param error The look-up's error
 * @param hostname The host's name
 * @param port The port that it was looked up for
 * @returns An error like Deno's own for permissions, or the one given
 */
export function lookupError(
  error: unknown,
  hostname: string,
  port: number,
): unknown {
  const deno = denoRuntime();
  const { code } = error as { code?: unknown };
  if (code !== "EPERM" || deno === undefined) return error;
  const host = hostOf(hostname, port);
  const { state } = deno.permissions!.querySync({ name: "net", host });
  return state === "granted" ? error : netDenied(deno, host);
}

/** Deno with its permissions; a polyfill on another runtime has none. */
function denoRuntime(): DenoRuntime | undefined {
  const { Bun, Deno } = globalThis as { Bun?: unknown; Deno?: DenoRuntime };
  return Bun === undefined && Deno?.permissions !== undefined
    ? Deno
    : undefined;
}

function netDenied(deno: DenoRuntime, host: string): Error {
  return new deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

function hostOf(hostname: string, port: number): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
