/** Where the upgrades of a server, a handler or a listener go. */

import { nameOf, settled } from "../base/user_values.ts";
import type { HandshakeError } from "../peer_errors.ts";
import { unknownPath } from "../handshake/refusal.ts";
import { type Routes, routesEndpoint } from "./routes.ts";
import type { OnConn, OnRoute, RouteInfo } from "./run_handler.ts";
import { normalPath } from "./normal_path.ts";

/** Who gets an upgrade. */
export interface Found<Data> {
  readonly onConn: OnConn<Data> | OnRoute<Data>;
  /** What its route hands over; `undefined` where there are no routes. */
  readonly info: RouteInfo | undefined;
}

/** What answers upgrades. */
export interface Endpoint<Data> {
  /** Whether every upgrade is its own. */
  readonly all: boolean;
  /**
   * Who gets the upgrade of a request.
   *
   * @param request The request, whose target is well-formed
   * @returns `undefined` if nobody does
   * @throws {unknown} Whatever the user's function throws
   */
  find(request: Request): Found<Data> | undefined;
}

/** A path, or a function that says whether a URL is the endpoint's. */
export type EndpointPath = string | ((url: URL) => boolean);

/**
 * Makes an endpoint of what the user has given.
 *
 * @param onConn A handler, or handlers by path
 * @param path The option, if there is one
 * @returns The endpoint
 * @throws {UnsupportedError} If a route is a pattern, and the runtime has none
 * @throws {TypeError} If there is neither a handler nor routes, a route is bad,
 * or the path is none, or stands beside routes
 */
export function endpointOf<Data>(
  onConn: OnConn<Data> | Routes<Data>,
  path?: EndpointPath | undefined,
): Endpoint<Data> {
  if (typeof onConn === "object" && onConn !== null) {
    if (path === undefined) return routesEndpoint(onConn);
    throw new TypeError(
      "Cannot use option path beside routes: each route has a path of its own",
    );
  }
  if (typeof onConn !== "function") {
    const kind = onConn === null || onConn === undefined
      ? onConn
      : `a ${typeof onConn}`;
    throw new TypeError(
      `Cannot use ${kind} as the handler of connections: it must be a function, or routes`,
    );
  }
  const found: Found<Data> = { onConn, info: undefined };
  if (path === undefined) return { all: true, find: () => found };
  const isOurs = pathTest(path);
  return {
    all: false,
    find: ({ url }) => isOurs(new URL(url)) ? found : undefined,
  };
}

/** The refusal of an upgrade that nobody gets. */
export function unknownAt({ url }: Request): HandshakeError {
  return unknownPath(new URL(url).pathname);
}

function pathTest(path: EndpointPath): (url: URL) => boolean {
  if (typeof path === "function") return (url) => checked(path(url));
  if (typeof path !== "string") {
    throw new TypeError(
      `Cannot use option path: it must be a string or a function, got ${typeof path}`,
    );
  }
  const expected = normalPath(path);
  return ({ pathname }) => pathname === expected;
}

/** Nothing is coerced: a promise would count as true. */
function checked(result: unknown): boolean {
  if (typeof result === "boolean") return result;
  // What it waited for is not what is wrong with it.
  settled(result).catch(() => {});
  throw new TypeError(
    `Cannot use what path returned: it must be a boolean, got ${
      nameOf(result)
    }`,
  );
}
