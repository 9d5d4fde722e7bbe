/**
 * A page that follows a file: open it in a browser, then change the file.
 *
 *     deno run --allow-net --allow-read --no-prompt examples/filewatch.ts FILE
 *     bun run examples/filewatch.ts FILE
 *
 * The options:
 *
 *     --port N         listens there; default: 8080
 *     --hostname NAME  listens there; default: 127.0.0.1, for this machine alone
 *
 * A page that comes back says which version of the file it has, and is sent
 * nothing if that is the latest. Of a file that changes faster than a page can
 * read, that page skips versions. At most the last 1 MiB is shown.
 */

import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import {
  type Conn,
  MessageType,
  PreparedMessage,
  serve,
  type Server,
} from "../mod.ts";
import { localPage } from "./shared/local_page.ts";

const USAGE = "Usage: filewatch.ts FILE [--port N] [--hostname NAME]";
const INTERVAL = 250;
const MAX_SIZE = 1024 * 1024;

interface Arguments {
  readonly file: string;
  readonly port: number;
  readonly hostname: string;
}

/** What the file is like at some time. */
interface Version {
  readonly id: string;
  /** Encoded and compressed once for all pages. */
  readonly message: PreparedMessage;
}

/** An open page. It gets the latest version when it has taken the one before. */
class Page {
  readonly #conn: Conn;
  #has: string;
  #latest: Version | undefined;
  #sending = false;

  constructor(conn: Conn, has: string) {
    this.#conn = conn;
    this.#has = has;
  }

  async show(version: Version): Promise<void> {
    this.#latest = version;
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#has !== this.#latest.id) {
        const { id, message } = this.#latest;
        this.#has = id;
        await this.#conn.writePreparedMessage(message);
      }
    } catch {
      // The connection is over, which ends the loop that reads.
    } finally {
      this.#sending = false;
    }
  }
}

/** Looks after a file for as long as there are pages. */
class Follower {
  readonly #file: string;
  readonly #pages = new Set<Page>();
  #version: Version | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking = false;

  constructor(file: string) {
    this.#file = file;
  }

  add(page: Page): void {
    this.#pages.add(page);
    if (this.#version !== undefined) page.show(this.#version);
    this.#look();
  }

  delete(page: Page): void {
    this.#pages.delete(page);
    if (this.#pages.size === 0) clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    clearTimeout(this.#timer);
    this.#version = await readVersion(this.#file, this.#version);
    for (const page of this.#pages) page.show(this.#version);
    this.#looking = false;
    if (this.#pages.size === 0) return;
    this.#timer = setTimeout(() => this.#look(), INTERVAL);
  }
}

/** Reads the file, unless it is as it was. */
async function readVersion(
  file: string,
  last: Version | undefined,
): Promise<Version> {
  const name = basename(file);
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const { mtimeMs, size } = await handle.stat();
    const id = `${mtimeMs}-${size}`;
    if (id === last?.id) return last;
    const text = await readEnd(handle, size);
    const cut = size > MAX_SIZE;
    return versionOf({ id, name, modified: mtimeMs, cut, text });
  } catch (error) {
    // Not there, for one; it may come.
    const { code = "an error" } = error as NodeJS.ErrnoException;
    if (code === last?.id) return last;
    const message = `Cannot read ${name}: ${code}`;
    return versionOf({ id: code, name, error: message });
  } finally {
    await handle?.close();
  }
}

function versionOf(
  { id, ...file }: { id: string; [key: string]: unknown },
): Version {
  const json = JSON.stringify({ version: id, ...file });
  return { id, message: new PreparedMessage(MessageType.Text, json) };
}

async function readEnd(handle: FileHandle, size: number): Promise<string> {
  const bytes = new Uint8Array(Math.min(size, MAX_SIZE));
  let length = 0;
  let start = size - bytes.length;
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(
      bytes,
      length,
      bytes.length - length,
      start,
    );
    if (bytesRead === 0) break;
    length += bytesRead;
    start += bytesRead;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

async function main(): Promise<void> {
  const args = readArguments(process.argv.slice(2));
  if (args === undefined) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const { file, port, hostname } = args;
  const follower = new Follower(file);
  const page = localPage(new URL("filewatch/", import.meta.url), hostname);

  let server: Server;
  try {
    server = await serve(async (conn, request) => {
      const has = new URL(request.url).searchParams.get("version") ?? "";
      const shown = new Page(conn, has);
      follower.add(shown);
      try {
        // A page has nothing to say, but somebody must read: for the close frame.
        for await (const _message of conn);
      } finally {
        follower.delete(shown);
      }
    }, {
      port,
      hostname,
      path: "/ws",
      fetch: page.fetch,
      upgrader: {
        authorize: page.authorize,
        enableCompression: true,
        readLimit: 1024,
      },
      onListen: (addr) =>
        console.log(`Following ${file} on http://${hostname}:${addr.port}/`),
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
    return;
  }

  process.once("SIGINT", async () => {
    await server.shutdown();
    process.exit(0);
  });
}

function readArguments(args: string[]): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        port: { type: "string", default: "8080" },
        hostname: { type: "string", default: "127.0.0.1" },
      },
    });
    const [file, ...more] = positionals;
    const port = Number(values.port);
    if (file === undefined || more.length > 0) return undefined;
    if (!(port >= 0 && port <= 65_535)) return undefined;
    return { file, port, hostname: values.hostname };
  } catch {
    return undefined;
  }
}

await main();
