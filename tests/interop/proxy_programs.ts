/** Proxies that others have written, as they come with Debian. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";

import { freePort } from "../fixtures/free_port.ts";
import { deferred, withTimeout } from "../helper.ts";

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
      return spawn(program, ["-d", "-c", config], { stdio: "ignore" });
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
    return spawn(program, args, { stdio: "ignore" });
  }, fn);
}

async function withProgram(
  start: (port: number) => ChildProcess,
  fn: (address: string) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const child = start(port);
  const exited = deferred();
  let running = true;
  for (const event of ["exit", "error"]) {
    child.on(event, () => {
      running = false;
      exited.resolve();
    });
  }
  try {
    const ready = (async () => {
      while (running && !await accepts(port));
    })();
    await withTimeout(ready, START_LIMIT, "the proxy");
    if (!running) throw new Error("The proxy has ended");
    await fn(`127.0.0.1:${port}`);
  } finally {
    running = false;
    child.kill("SIGKILL");
    await exited.promise;
  }
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
