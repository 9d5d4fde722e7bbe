/** Handlers by path. */

import { textProperty } from "../base/user_values.ts";
import { UnsupportedError } from "../errors.ts";
import { quote } from "../handshake/quote.ts";
import type { Endpoint, Found } from "./endpoint.ts";
import { normalPath } from "./normal_path.ts";
import type { OnRoute, RouteInfo } from "./run_handler.ts";

/**
 * Handlers by path, in place of one for all. A key is an exact path, such as
 * `/echo`, or a pattern in the syntax of `URLPattern` for paths, such as
 * `/rooms/:name`, `/files/*` or `/v:version(\\d+)`. Exact paths are asked
 * first, then the patterns in the order of insertion; the first that matches
 * gets the connection, and an upgrade that matches none is answered with 404.
 * The query does not count. To have a character of the syntax stand for itself,
 * escape it: `/a\\:b`.
 *
 * Patterns are the platform's `URLPattern`: of Deno, of Bun, and of Node from
 * version 23.8 on. As matching one with several groups may take the square of
 * the path's length, a path of more than 2,048 characters matches exact routes
 * only; a regular expression in a pattern is yours.
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over
 *
 * @example A room for each path
 * ```ts
 * import { dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve({
 *   "/rooms/lobby": (conn) => conn.send("the lobby"),
 *   "/rooms/:name": (conn, _request, { params }) =>
 *     conn.send(`room ${params.name}`),
 * }, { port: 0 });
 *
 * const host = `ws://127.0.0.1:${server.addr.port}`;
 * for (const [path, text] of [["lobby", "the lobby"], ["42", "room 42"]]) {
 *   const { conn } = await dial(`${host}/rooms/${path}`);
 *   assertEquals((await conn.readMessage()).data, text);
 *   await conn.closed;
 * }
 * ```
 */
export type Routes<Data = unknown> = Readonly<Record<string, OnRoute<Data>>>;

/** What is used of the platform's class, which is not at hand everywhere. */
interface Pattern {
  readonly pathname: string;
  exec(url: string): {
    readonly pathname: {
      readonly groups: Readonly<Record<string, string | undefined>>;
    };
  } | null;
}

// Without one of these, which begin a group or escape, nothing else of the
// syntax can stand: `/c++` is a path.
const SYNTAX = /[:*({\\]/;

// Two groups in a segment are two nested loops over the path, which a client
// may make as long as a head may be.
const MAX_PATH = 2048;

const NO_PARAMS: RouteInfo = Object.freeze({
  params: Object.freeze(Object.create(null)),
});

/**
 * Makes the endpoint of routes.
 *
 * @param routes The routes; later changes to them have no effect
 * @returns Where each upgrade goes
 * @throws {UnsupportedError} If one is a pattern, and the runtime has none
 * @throws {TypeError} If there is none, one is neither a path nor a pattern, two
 * are the same, or a handler is no function
 */
export function routesEndpoint<Data>(routes: Routes<Data>): Endpoint<Data> {
  const exact = new Map<string, Found<Data>>();
  const patterns = new Map<string, [Pattern, OnRoute<Data>]>();
  const keys = new Map<string, string>(); // by what they come to
  for (const [key, onConn] of Object.entries(routes)) {
    if (typeof onConn !== "function") {
      throw badRoute(key, `its handler is no function, but ${typeof onConn}`);
    }
    const pattern = SYNTAX.test(key) ? patternOf(key) : undefined;
    const path = pattern === undefined ? exactPath(key) : pattern.pathname;
    const other = keys.get(path);
    if (other !== undefined) {
      throw badRoute(key, `it is the same as ${quote(other)}`);
    }
    keys.set(path, key);
    if (pattern === undefined) exact.set(path, { onConn, info: NO_PARAMS });
    else patterns.set(path, [pattern, onConn]);
  }
  if (keys.size === 0) {
    throw new TypeError(
      'Cannot serve routes: there are none, give { "/path": onConn }',
    );
  }
  return {
    all: false,
    find(request) {
      const { href, pathname } = new URL(request.url);
      const found = exact.get(pathname);
      if (found !== undefined || pathname.length > MAX_PATH) return found;
      for (const [pattern, onConn] of patterns.values()) {
        const match = pattern.exec(href);
        if (match === null) continue;
        return { onConn, info: { params: paramsOf(match.pathname.groups) } };
      }
      return undefined;
    },
  };
}

function exactPath(key: string): string {
  try {
    return normalPath(key);
  } catch {
    throw badRoute(key, "it must begin with a slash and have no query");
  }
}

function patternOf(key: string): Pattern {
  const { URLPattern } = globalThis as {
    URLPattern?: new (init: object) => Pattern;
  };
  if (URLPattern === undefined) {
    throw new UnsupportedError(
      `Cannot serve route ${
        quote(key)
      }: this runtime has no URLPattern, use exact paths, or Node from version 23.8 on`,
    );
  }
  // It would be part of a name that no path has.
  if (!/^[/*({]/.test(key) || key.includes("#")) {
    throw badRoute(key, "it must begin with a slash and have no fragment");
  }
  // The paths of URLs have none.
  if (/(?:^|\/)\.\.?(?:\/|$)/.test(key)) {
    throw badRoute(key, "it must have no segment of dots");
  }
  try {
    // Of options that it inherits, from whoever, it would know.
    return new URLPattern({ __proto__: null, pathname: key });
  } catch (cause) {
    const reason = textProperty(cause, "message")?.split("\n")[0] ?? "unknown";
    throw badRoute(
      key,
      `it is no pattern of URLPattern's (${reason}), escape what is to stand for itself by a backslash`,
      cause,
    );
  }
}

/** The groups that have matched, `__proto__` by its name among them. */
function paramsOf(
  groups: Readonly<Record<string, string | undefined>>,
): RouteInfo["params"] {
  const params: Record<string, string> = Object.create(null);
  for (const name of Object.getOwnPropertyNames(groups)) {
    const value = groups[name];
    if (value !== undefined) params[name] = value;
  }
  return params;
}

function badRoute(key: string, fault: string, cause?: unknown): TypeError {
  return new TypeError(
    `Cannot serve route ${quote(key)}: ${fault}`,
    cause === undefined ? undefined : { cause },
  );
}
