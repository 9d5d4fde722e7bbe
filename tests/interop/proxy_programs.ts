/** Proxies that others have written, as they come with Debian. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";

import { Program } from "../support/child.ts";
import { freePort } from "../support/free_port.ts";
import { deferred, withTimeout } from "../support/helper.ts";

/** A user name and a password. */
export interface User {
  readonly name: string;
  readonly password: string;
}

const START_LIMIT = 20_000;

/** Runs tinyproxy, a CONNECT proxy; gives its `host:port`. */
export async function withTinyproxy(
  program: string,
  user: User | undefined,
  fn: (address: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/tinyproxy-`);
  const config = `${folder}/tinyproxy.conf`;
  try {
    await withProgram((port) => {
      const lines = [`Port ${port}`, "Listen 127.0.0.1", "Timeout 60"];
      if (user !== undefined) {
        lines.push(`BasicAuth ${user.name} ${user.password}`);
      }
      writeFileSync(config, `${lines.join("\n")}\n`);
      return [program, "-d", "-c", config];
    }, fn);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs microsocks, a SOCKS5 proxy; gives its `host:port`. */
export async function withMicrosocks(
  program: string,
  user: User | undefined,
  fn: (address: string) => Promise<void>,
): Promise<void> {
  await withProgram((port) => {
    const args = ["-i", "127.0.0.1", "-p", String(port)];
    if (user !== undefined) args.push("-u", user.name, "-P", user.password);
    return [program, ...args];
  }, fn);
}

/** The protocol that a proxy speaks with the server behind it. */
export type Backend = "h1" | "h2";

/** Runs haproxy before a server of TLS; gives its `host:port`. */
export async function withHaproxy(
  program: string,
  server: number,
  backend: Backend,
  fn: (address: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/haproxy-`);
  const config = `${folder}/haproxy.cfg`;
  const alpn = backend === "h1" ? "http/1.1" : "h2";
  try {
    await withProgram((port) => {
      writeFileSync(
        config,
        `defaults
  mode http
  timeout connect 10s
  timeout client 10s
  timeout server 10s
  timeout tunnel 60s
listen proxy
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${server} ssl verify none alpn ${alpn} ws ${backend}
`,
      );
      return [program, "-db", "-f", config];
    }, fn);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs nghttpx before a server of TLS; gives its `host:port`. */
export async function withNghttpx(
  program: string,
  server: number,
  backend: Backend,
  fn: (address: string) => Promise<void>,
): Promise<void> {
  const proto = backend === "h1" ? "http/1.1" : "h2";
  await withProgram((port) => [
    program,
    "--conf=/dev/null",
    `--frontend=127.0.0.1,${port};no-tls`,
    `--backend=127.0.0.1,${server};;tls;proto=${proto}`,
    "--insecure",
    "--workers=1",
  ], fn);
}

async function withProgram(
  commandFor: (port: number) => readonly string[],
  fn: (address: string) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  await using child = new Program(commandFor(port), {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  let late = false;
  const ready = (async () => {
    while (!late && child.exit === undefined && !await accepts(port));
  })();
  try {
    await withTimeout(ready, START_LIMIT, "the proxy");
  } finally {
    late = true;
  }
  if (child.exit !== undefined) throw new Error("The proxy has ended");
  await fn(`127.0.0.1:${port}`);
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = deferred<boolean>();
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.on("error", () => resolve(false));
  return promise;
}
