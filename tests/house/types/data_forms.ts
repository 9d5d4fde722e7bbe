/**
 * The forms in which data, routes and `fetch` get their types, for
 * `./types_test.ts`, which checks them with the compilers of both runtimes.
 * Never run.
 */

import { createServer } from "node:http";

import {
  type Authorized,
  type Conn,
  dial,
  type FetchInfo,
  type OnConn,
  type Routes,
  serve,
  type ServeOptions,
  type Server,
  type UpgradeInfo,
  Upgrader,
  type UpgraderOptions,
} from "../../../mod.ts";

interface User {
  readonly name: string;
}

/** Compiles where both types are the same. */
function same<A, B>(
  ..._: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
    ? []
    : [never]
): void {}

function find(_request: Request): Promise<User | undefined> {
  return Promise.resolve({ name: "Ada" });
}

async function authorize(request: Request) {
  const user = await find(request);
  if (user === undefined) return new Response(null, { status: 401 });
  return { data: user, headers: { "Set-Cookie": "a=1" } };
}

/** Written for a connection with any data. */
async function helper(conn: Conn): Promise<void> {
  same<typeof conn.data, unknown>();
  await conn.send("hello");
}

export function inferByUpgrader(): void {
  const upgrader = new Upgrader({ authorize });
  same<typeof upgrader, Upgrader<User>>();
  const inline = new Upgrader({
    authorize: async (request: Request) => {
      const user = await find(request);
      return user ? { data: user } : new Response(null, { status: 401 });
    },
  });
  same<typeof inline, Upgrader<User>>();
  const untyped = new Upgrader({
    authorize: (request, { remoteAddr }) => ({
      data: { name: request.url, remoteAddr },
      headers: [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]],
    }),
  });
  untyped.handler((conn) => conn.send(conn.data.name));
  new Upgrader<User>({ authorize });
  new Upgrader<User>({
    authorize: async (request, _info: UpgradeInfo) => {
      const user = await find(request);
      if (user) return { data: user };
      return new Response(null, { status: 401 });
    },
  });
  const none = new Upgrader({ authorize: () => {} });
  same<typeof none, Upgrader>();
  const headers = new Upgrader({ authorize: () => ({ headers: {} }) });
  same<typeof headers, Upgrader>();
  const plain = new Upgrader();
  same<typeof plain, Upgrader>();
  for (const conn of inline.conns) same<typeof conn, Conn<User>>();

  upgrader.handler((conn, request) => {
    same<typeof conn, Conn<User>>();
    same<typeof request, Request>();
    return helper(conn);
  });
  upgrader.handler({
    "/rooms/:name": (conn, _request, { params }) => {
      same<typeof conn, Conn<User>>();
      conn.send(`${conn.data.name} in ${params["name"]}`);
    },
    "/echo": helper,
  });
  upgrader.listener((conn) => conn.send(conn.data.name), { path: "/ws" });
  upgrader.listener({ "/ws": (conn) => conn.send(conn.data.name) });
  createServer().on("upgrade", async (request, socket, head) => {
    const conn = await upgrader.upgradeSocket(request, socket, head);
    same<typeof conn, Conn<User> | undefined>();
  });
}

export async function inferByHand(request: Request): Promise<void> {
  const upgrader = new Upgrader({ authorize });
  const { conn } = await upgrader.upgrade(request);
  same<typeof conn, Conn<User> | undefined>();
  if (conn) await helper(conn);
}

export async function inferByServe(): Promise<void> {
  const upgrader = new Upgrader({ authorize });
  const one = await serve((conn) => {
    same<typeof conn, Conn<User>>();
    return helper(conn);
  }, { upgrader });
  same<typeof one, Server<User>>();
  await serve((conn) => conn.send(conn.data.name), {
    upgrader: { authorize },
  });
  await serve(async (conn) => {
    same<typeof conn, Conn<User>>();
    await conn.send(conn.data.name);
  }, {
    upgrader: {
      authorize: async (request: Request) => {
        const user = await find(request);
        return user ? { data: user } : new Response(null, { status: 401 });
      },
    },
  });
  await serve({
    "/echo": (conn) => conn.send(conn.data.name),
    "/rooms/:name": async (conn, request, { params }) => {
      same<typeof conn, Conn<User>>();
      same<typeof request, Request>();
      same<typeof params, Readonly<Record<string, string>>>();
      await helper(conn);
    },
  }, { upgrader });
  await serve<User>((conn) => conn.send(conn.data.name), {
    upgrader: { authorize: (_request) => ({ data: { name: "Ada" } }) },
  });
  const plain = await serve((conn) => {
    same<typeof conn, Conn>();
  });
  same<typeof plain, Server>();
  same<(typeof plain)["conns"], ReadonlySet<Conn>>();
  await serve(helper, { upgrader });
  const { conn } = await dial("ws://localhost");
  same<typeof conn, Conn>();
}

export function named(): void {
  const onConn: OnConn<User> = (conn) => conn.send(conn.data.name);
  const routes: Routes<User> = { "/": onConn, "/helper": helper };
  const options: ServeOptions<User> = { upgrader: { authorize } };
  const upgrader: UpgraderOptions<User> = { authorize };
  const authorized: Authorized<User> = { data: { name: "Ada" } };
  serve(routes, options);
  serve<User>(onConn, {
    upgrader: { ...upgrader, authorize: () => authorized },
  });
  // Whatever is written for any data takes what has some.
  const any: Upgrader = new Upgrader<User>(upgrader);
  const conns: Iterable<Conn> = any.conns;
  for (const conn of conns) helper(conn);
}

/** As Hono, h3 and the like declare it. */
declare const app: {
  fetch(
    request: Request,
    env?: unknown,
    context?: unknown,
  ): Response | Promise<Response>;
};
declare const webHandler: (
  request: Request,
  context?: Record<string, unknown>,
) => Promise<Response>;
interface Bindings {
  readonly [name: string]: unknown;
}
declare const bound: (
  request: Request,
  env?: Bindings | Record<never, never>,
) => Response;

export function fetches(): void {
  serve(helper, { fetch: app.fetch });
  serve(helper, { fetch: webHandler });
  serve(helper, { fetch: bound });
  serve(helper, { fetch: () => new Response() });
  serve(helper, {
    fetch: (request, info) => {
      same<typeof info, FetchInfo>();
      const { address } = info.requestIP?.(request) ?? {};
      return new Response(info.remoteAddr?.hostname ?? address);
    },
  });
  new Upgrader().handler(helper, { fetch: app.fetch });
  new Upgrader().handler(helper, {
    fetch: (_request, { remoteAddr }) => new Response(remoteAddr?.hostname),
  });
}

export function misuse(): void {
  // @ts-expect-error -- headers alone
  new Upgrader({ authorize: () => ({ "Set-Cookie": "a=1" }) });
  // @ts-expect-error -- headers alone
  new Upgrader({ authorize: () => new Headers() });
  // @ts-expect-error -- not the data that is promised
  new Upgrader<User>({ authorize: () => ({ data: 1 }) });
  // @ts-expect-error -- a handler of other data
  new Upgrader({ authorize }).handler((conn: Conn<number>) => void conn.data);
  // @ts-expect-error -- no routes
  serve({ "/": 1 });
  // @ts-expect-error -- nothing may be set
  dial("ws://localhost").then(({ conn }) => (conn.data = 1));
}
