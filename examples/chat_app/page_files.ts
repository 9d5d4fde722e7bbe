/** The files of the page. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** A file, as it is sent. */
interface File {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

const FOLDER = new URL("page/", import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};
const HEADERS: Readonly<Record<string, string>> = {
  // Scripts, styles and connections of this server, and nothing else.
  "content-security-policy": "default-src 'none'; script-src 'self'; " +
    "style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // To be kept, and asked for each time whether it is still the same.
  "cache-control": "no-cache",
};

/**
 * Reads the page, once and for all: a path in a request is looked up among what
 * is there, and never reaches the disk.
 *
 * @returns What answers the requests for the page
 */
export function servePage(): (request: Request) => Response {
  const files = readFiles();
  return ({ method, url, headers: asked }) => {
    const file = files.get(new URL(url).pathname);
    if (file === undefined) return new Response("Not found\n", { status: 404 });
    if (method !== "GET" && method !== "HEAD") {
      return new Response("Method not allowed\n", {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    const { body, headers } = file;
    const same = asked.get("if-none-match")?.includes(headers["etag"]!);
    return same
      ? new Response(null, { status: 304, headers })
      : new Response(body, { headers });
  };
}

function readFiles(): Map<string, File> {
  const files = new Map<string, File>();
  for (const name of readdirSync(FOLDER)) {
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
    // An editor's backup, say.
    if (type === undefined) continue;
    const body = new Uint8Array(readFileSync(new URL(name, FOLDER)));
    const hash = createHash("sha256").update(body).digest("base64url");
    const file: File = {
      body,
      headers: { ...HEADERS, "content-type": type, etag: `"${hash}"` },
    };
    files.set(`/${name}`, file);
    if (name === "index.html") files.set("/", file);
  }
  return files;
}
