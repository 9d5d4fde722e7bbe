/** The files of the page, each runtime's own way. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Answers with a file, of which it knows nothing but the path. */
type ServeFile = (request: Request, path: string) => Promise<Response>;

const FOLDER = new URL("page/", import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};
/** All there are: nothing else can be asked for. */
const FILES: ReadonlySet<string> = new Set([
  "index.html",
  "style.css",
  "icon.svg",
  "main.js",
  "backoff.js",
  "composer.js",
  "connection.js",
  "door.js",
  "memory.js",
  "message_list.js",
  "outbox.js",
  "people.js",
  "status.js",
]);
const HEADERS: Readonly<Record<string, string>> = {
  // Scripts, styles and connections of this server, and nothing else.
  "content-security-policy": "default-src 'none'; script-src 'self'; " +
    "style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};
const IMPORT_LIMIT = 3_000;

declare const Bun: { file(path: string): Blob };

/** Makes what answers the requests for the page. */
export async function servePage(): Promise<
  (request: Request) => Promise<Response>
> {
  const serveFile = await chooseServeFile();
  return async (request) => {
    const { pathname } = new URL(request.url);
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    if (!FILES.has(name)) return new Response("Not found\n", { status: 404 });
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("Method not allowed\n", {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    const response = await serveFile(
      request,
      fileURLToPath(new URL(name, FOLDER)),
    );
    for (const [field, value] of Object.entries(HEADERS)) {
      response.headers.set(field, value);
    }
    return response;
  };
}

async function chooseServeFile(): Promise<ServeFile> {
  if ("Bun" in globalThis) {
    return (_request, path) =>
      Promise.resolve(fileResponse(path, Bun.file(path)));
  }
  if ("Deno" in globalThis) {
    const serveFile = await importServeFile();
    if (serveFile !== undefined) return serveFile;
  }
  // On Deno where JSR cannot be reached, and on Node.
  return async (_request, path) =>
    fileResponse(path, new Uint8Array(await readFile(path)));
}

/** `serveFile` of `@std/http`, which also knows of ranges and ETags. */
async function importServeFile(): Promise<ServeFile | undefined> {
  // Not a literal: Deno would want it before the first line here is run.
  const specifier: string = "@std/http/file-server";
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), IMPORT_LIMIT);
  try {
    return (await Promise.race([import(specifier), late.promise]))?.serveFile;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function fileResponse(
  path: string,
  body: Blob | Uint8Array<ArrayBuffer>,
): Response {
  const extension = path.slice(path.lastIndexOf(".") + 1);
  return new Response(body, {
    headers: { "content-type": TYPES[extension] ?? "text/plain" },
  });
}
