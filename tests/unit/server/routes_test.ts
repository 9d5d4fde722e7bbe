import { assert, assertEquals, assertThrows } from "@std/assert";

import { UnsupportedError } from "../../../src/errors.ts";
import { routesEndpoint } from "../../../src/server/routes.ts";
import type { OnRoute } from "../../../src/server/run_handler.ts";
import { runtime, test } from "../../support/helper.ts";

const HOST = "http://localhost:8000";

function handler(): OnRoute {
  return () => {};
}

/** Routes that know which of them was found, by its key. */
function finder(
  ...keys: string[]
): (target: string) => [string, Record<string, string>] | undefined {
  const handlers = new Map(keys.map((key) => [handler(), key]));
  const endpoint = routesEndpoint(
    Object.fromEntries([...handlers].map(([onConn, key]) => [key, onConn])),
  );
  return (target) => {
    const found = endpoint.find(new Request(HOST + target));
    if (found === undefined) return undefined;
    return [handlers.get(found.onConn)!, { ...found.info!.params }];
  };
}

test("routesEndpoint() finds exact paths first, then in the order of insertion", () => {
  const find = finder("/*", "/rooms/:name", "/rooms/:other", "/rooms/lobby");
  assertEquals(find("/rooms/lobby"), ["/rooms/lobby", {}]);
  assertEquals(find("/rooms/lobby?x=/rooms/y"), ["/rooms/lobby", {}]);
  assertEquals(find("/rooms/42"), ["/*", { "0": "rooms/42" }]);
  const other = finder("/rooms/:name", "/rooms/:other", "/:any");
  assertEquals(other("/rooms/42"), ["/rooms/:name", { name: "42" }]);
  assertEquals(other("/rooms"), ["/:any", { any: "rooms" }]);
  assertEquals(other("/rooms/"), undefined);
  assertEquals(other("/rooms/4/2"), undefined);
  assertEquals(other("/"), undefined);
});

test("routesEndpoint() takes URLPattern's syntax", () => {
  const cases: [key: string, target: string, params: unknown][] = [
    ["/a/:x{/:y}?", "/a/1", { x: "1" }],
    ["/a/:x{/:y}?", "/a/1/2", { x: "1", y: "2" }],
    ["/v:n(\\d+)", "/v12", { n: "12" }],
    ["/v:n(\\d+)", "/vx", undefined],
    ["/a/(.*)/b/*", "/a/1/b/2", { 0: "1", 1: "2" }],
    ["/a\\:b/:c", "/a:b/1", { c: "1" }],
    ["/:x+", "/a/b", { x: "a/b" }],
    ["*", "/any/where", { 0: "/any/where" }],
    ["{/:lang}?/chat", "/chat", {}],
    ["//host/:x", "//host/1", { x: "1" }],
    ["//host/:x", "/host/1", undefined],
  ];
  for (const [key, target, params] of cases) {
    assertEquals(finder(key)(target)?.[1], params, `${key} ${target}`);
  }
});

test("routesEndpoint() compares paths as URLs have them", () => {
  const cases: [key: string, target: string, params: unknown][] = [
    ["/büro", "/b%C3%BCro", {}],
    ["/b%C3%BCro", "/büro", {}],
    ["/a b", "/a%20b", {}],
    ["/c++", "/c++", {}],
    ["/a.b", "/axb", undefined],
    ["/%65cho", "/echo", undefined],
    ["/echo", "/Echo", undefined],
    ["/echo", "/echo/", undefined],
    ["/echo", "/x/../echo", {}],
    ["//host/path", "//host/path", {}],
    ["/path", "//host/path", undefined],
    ["/büro/:x", "/b%C3%BCro/1", { x: "1" }],
    ["/b%C3%BCro/:x", "/büro/1", { x: "1" }],
    ["/a b/:x", "/a%20b/1", { x: "1" }],
  ];
  for (const [key, target, params] of cases) {
    assertEquals(finder(key)(target)?.[1], params, `${key} ${target}`);
  }
});

test("routesEndpoint() gives params as they stand in the URL", () => {
  const find = finder("/rooms/:name");
  for (const name of ["b%C3%BCro", "%2Fetc%2Fpasswd", "%zz", "%00", "%2e%2f"]) {
    assertEquals(find(`/rooms/${name}`)?.[1], { name });
  }
  // A dot segment is gone before.
  assertEquals(find("/rooms/%2e%2e"), undefined);
});

test("routesEndpoint() gives params names like any other", () => {
  for (
    const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]
  ) {
    const { find } = routesEndpoint({ [`/a/:${name}`]: handler() });
    const { params } = find(new Request(`${HOST}/a/x`))!.info!;
    assertEquals(Object.getPrototypeOf(params), null);
    assertEquals(Object.getOwnPropertyNames(params), [name]);
    assertEquals(params[name], "x");
  }
  const { find } = routesEndpoint({ "/a": handler(), "/b/:x": handler() });
  for (const path of ["/a", "/b/1"]) {
    const { params } = find(new Request(HOST + path))!.info!;
    assertEquals(params["toString"], undefined, path);
    assertEquals(params["__proto__"], undefined, path);
  }
});

test("routesEndpoint() is not moved by what stands on Object.prototype", () => {
  const polluted = Object.prototype as Record<string, unknown>;
  // Deno's own URLPattern is broken by it.
  if (runtime === "bun") polluted["protocol"] = "ftp";
  polluted["/evil"] = handler();
  polluted["name"] = "everybody";
  try {
    const endpoint = routesEndpoint({ "/rooms/:name?": handler() });
    const at = (path: string) => endpoint.find(new Request(HOST + path));
    assertEquals(at("/rooms/42")?.info?.params["name"], "42");
    assertEquals(at("/rooms")?.info?.params["name"], undefined);
    assertEquals(at("/evil"), undefined);
  } finally {
    for (const name of ["protocol", "/evil", "name"]) {
      delete polluted[name];
    }
  }
});

test("routesEndpoint() sees no later change of the routes", () => {
  const routes: Record<string, OnRoute> = { "/a": handler() };
  const { find } = routesEndpoint(routes);
  routes["/b"] = routes["/a"]!;
  delete routes["/a"];
  assert(find(new Request(`${HOST}/a`)) !== undefined);
  assertEquals(find(new Request(`${HOST}/b`)), undefined);
});

test("routesEndpoint() refuses bad routes at once, and names them", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ echo: handler() }, 'route "echo": it must begin with a slash'],
    [{ "": handler() }, 'route "": it must begin with a slash'],
    [{ port: 8000 }, 'route "port": its handler is no function, but number'],
    [{ "/a": null }, 'route "/a": its handler is no function'],
    [{ "/a?b": handler() }, 'route "/a?b": it must begin'],
    [{ "/a#b": handler() }, 'route "/a#b": it must begin'],
    [{ "/:a#b": handler() }, 'route "/:a#b": it must begin'],
    [{ "rooms/:a": handler() }, 'route "rooms/:a": it must begin'],
    [{ ":a": handler() }, 'route ":a": it must begin'],
    [{ "https://h/:a": handler() }, 'route "https://h/:a": it must begin'],
    [{ "/a/../:b": handler() }, 'route "/a/../:b": it must have no segment'],
    [{ "/:a/.": handler() }, 'route "/:a/.": it must have no segment'],
    [{ "/:": handler() }, 'route "/:": it is no pattern'],
    [{ "/a:1": handler() }, 'route "/a:1": it is no pattern'],
    [{ "/(": handler() }, 'route "/(": it is no pattern'],
    [{ "/{a": handler() }, 'route "/{a": it is no pattern'],
    [{ "/:a/:a": handler() }, 'route "/:a/:a": it is no pattern'],
    [{ "/:a([)": handler() }, 'route "/:a([)": it is no pattern'],
    [{ "/(?<x>a)": handler() }, 'route "/(?<x>a)": it is no pattern'],
    [{ "/ü": handler(), "/%C3%BC": handler() }, 'is the same as "/\\u00fc"'],
    [{ "/ü/:a": handler(), "/%C3%BC/:a": handler() }, "is the same as"],
    [{ "/a/../b": handler(), "/b": handler() }, "is the same as"],
    [{}, "there are none"],
    [new Map([["/a", handler()]]) as never, "there are none"],
    [[handler()] as never, 'route "0"'],
  ];
  for (const [routes, message] of wrong) {
    assertThrows(
      () => routesEndpoint(routes as Record<string, OnRoute>),
      TypeError,
      message,
    );
  }
});

test("routesEndpoint() without URLPattern takes exact paths alone", () => {
  const scope = globalThis as { URLPattern?: unknown };
  const descriptor = Object.getOwnPropertyDescriptor(scope, "URLPattern")!;
  Object.defineProperty(scope, "URLPattern", {
    value: undefined,
    configurable: true,
  });
  try {
    const { find } = routesEndpoint({ "/echo": handler() });
    assert(find(new Request(`${HOST}/echo`)) !== undefined);
    assertThrows(
      () => routesEndpoint({ "/rooms/:name": handler() }),
      UnsupportedError,
      'Cannot serve route "/rooms/:name": this runtime has no URLPattern, use exact paths',
    );
  } finally {
    Object.defineProperty(scope, "URLPattern", descriptor);
  }
});

test("routesEndpoint() asks no pattern about a path that is very long", () => {
  const find = finder("/:a-:b-:c-:d", "/" + "x".repeat(4000));
  // The work of a pattern grows with a power of the path's length.
  const start = performance.now();
  assertEquals(find("/" + "-".repeat(16_000) + "/"), undefined);
  assert(performance.now() - start < 1000);
  assertEquals(find("/" + "x".repeat(4000))?.[1], {});
  const long = "x".repeat(2040);
  assertEquals(finder("/a/:b")(`/a/${long}`)?.[1], { b: long });
  assertEquals(finder("/a/:b")(`/a/${long}123456`), undefined);
});
