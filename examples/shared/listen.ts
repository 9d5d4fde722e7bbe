import type { AddressInfo, Server } from "node:net";
import process from "node:process";

/**
 * Listens with a server of `node:http` or `node:http2`.
 *
 * @returns The port
 * @throws {Error} If it cannot, with the system's reason
 */
export async function listen(
  server: Server,
  port: number,
  hostname: string,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  // Deno throws that a permission is missing where nobody can catch it.
  process.once("uncaughtException", reject);
  try {
    server.listen(port, hostname, resolve);
    await promise;
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      `Cannot listen on ${hostname}:${port}: ${code ?? message}`,
      { cause: error },
    );
  } finally {
    server.off("error", reject);
    process.off("uncaughtException", reject);
  }
}
