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
import { text as readText } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { MessageType, PreparedMessage, serve } from "../mod.ts";
import { beforeExit, port, run, text } from "./shared/command_line.ts";
import { localPage } from "./shared/local_page.ts";

const INTERVAL = 250;
const MAX_SIZE = 1024 * 1024;

/** What the file is like at some time. */
interface Version {
  readonly id: string;
  /** Encoded and compressed once for all pages. */
  readonly message: PreparedMessage;
  /** Why it cannot be read. */
  readonly error?: Error;
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
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code ?? message;
    if (why === last?.id) return last;
    const version = versionOf({
      id: why,
      name,
      error: `Cannot read ${name}: ${why}`,
    });
    return { ...version, error: new Error(`Cannot read ${file}: ${why}`) };
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
  if (size === 0) return "";
  const start = Math.max(0, size - MAX_SIZE);
  const end = size - 1;
  return await readText(
    handle.createReadStream({ start, end, autoClose: false }),
  );
}

await run("filewatch.ts FILE", {
  port: port(8080),
  hostname: text("NAME", "127.0.0.1"),
}, async ({ port, hostname }, [file = ""]) => {
  // One that goes may come back; one that is not there at first is misspelt.
  let latest = await readVersion(file, undefined);
  if (latest.error !== undefined) throw latest.error;
  let looking: Promise<Version> | undefined;

  /** Looks at the file, once for all pages that ask meanwhile. */
  function look(): Promise<Version> {
    looking ??= readVersion(file, latest)
      .then((version) => latest = version)
      .finally(() => looking = undefined);
    return looking;
  }

  const page = localPage(new URL("filewatch/", import.meta.url), hostname);
  const server = await serve(async (conn, request) => {
    // A page has nothing to say, but somebody must read: for the close frame.
    conn.closeRead();
    let has = new URL(request.url).searchParams.get("version");
    while (conn.state === "open") {
      const { id, message } = await look();
      // Waits while the page reads slowly, which then skips versions.
      if (id !== has) await conn.writePreparedMessage(message);
      has = id;
      await sleep(INTERVAL);
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

  beforeExit(() => server.shutdown());
});
