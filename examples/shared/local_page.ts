/** What the examples with a page share: its files, and who may ask for them. */

import { readdirSync, readFileSync } from "node:fs";

/** A page, and the guard of the WebSocket endpoint beside it. */
export interface LocalPage {
  /** Answers with a file of the page. */
  fetch(request: Request): Response;
  /** Refuses an upgrade that a foreign page could have talked a browser into. */
  authorize(request: Request): Response | undefined;
}

const LOCAL_NAMES = ["localhost", "127.0.0.1", "[::1]"];
const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** Whether the name is this machine's alone. */
export function isLocal(hostname: string): boolean {
  return LOCAL_NAMES.includes(hostname) || hostname === "::1";
}

/**
 * Reads a page, the files of `folder` and the shared style, once and for all.
 *
 * @param folder The folder with `index.html`
 * @param hostname Where the server listens
 * @returns The page
 */
export function localPage(folder: URL, hostname: string): LocalPage {
  const files = new Map<string, { body: string; type: string }>();
  for (const place of [new URL(".", import.meta.url), folder]) {
    for (const name of readdirSync(place)) {
      const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
      if (type === undefined) continue;
      const body = readFileSync(new URL(name, place), "utf8");
      files.set(name === "index.html" ? "/" : `/${name}`, { body, type });
    }
  }

  // By DNS rebinding a foreign page can reach a server of this machine under a
  // name of its own, which is then the page's origin as well: only the name in
  // the Host header tells. Who listens elsewhere has more names than we know.
  const authorize = (request: Request): Response | undefined => {
    if (!isLocal(hostname) || isLocal(new URL(request.url).hostname)) return;
    return new Response("This server is for its own machine\n", {
      status: 421,
    });
  };

  return {
    authorize,
    fetch(request) {
      const { pathname, host } = new URL(request.url);
      const refusal = authorize(request);
      if (refusal !== undefined) return refusal;
      const file = files.get(pathname);
      if (file === undefined) return new Response(null, { status: 404 });
      if (request.method !== "GET" && request.method !== "HEAD") {
        return new Response(null, { status: 405, headers: { Allow: "GET" } });
      }
      return new Response(file.body, {
        headers: {
          "Content-Type": file.type,
          "Content-Security-Policy": "default-src 'none'; script-src 'self'; " +
            `style-src 'self'; img-src data:; connect-src ws://${host} wss://${host}; ` +
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
          "Cache-Control": "no-cache",
          "Referrer-Policy": "no-referrer",
          "X-Content-Type-Options": "nosniff",
        },
      });
    },
  };
}
