import http from "node:http";
import type net from "node:net";
import { once } from "node:events";

import { assert, assertEquals } from "@std/assert";

import { fetchInfo } from "../../../../src/runtime/http/fetch_info.ts";
import { serve } from "../../../../src/server/serve.ts";
import { Upgrader } from "../../../../src/server/upgrader.ts";
import type { FetchInfo } from "../../../../src/transport/fetch_info.ts";
import { runtime, test } from "../../../support/helper.ts";
import { startServer } from "../../../support/native.ts";
import { PLACES, portOf, serveAt } from "../../../support/servers.ts";
import { connectRaw, head } from "../../../support/http_server.ts";
import { listen } from "../../../support/sockets.ts";

const request = new Request("http://localhost/");

function infoOf(remoteAddress: string | undefined, remotePort?: number) {
  const socket = { remoteAddress, remotePort };
  return fetchInfo(request, socket as unknown as net.Socket);
}

test("fetchInfo() has the address in the shape of Deno and in that of Bun", () => {
  const cases: [string, string, "IPv4" | "IPv6"][] = [
    ["192.0.2.1", "192.0.2.1", "IPv4"],
    ["::ffff:192.0.2.1", "192.0.2.1", "IPv4"],
    ["2001:db8::1", "2001:db8::1", "IPv6"],
    ["fe80::1%eth0", "fe80::1%eth0", "IPv6"],
  ];
  for (const [ip, address, family] of cases) {
    const info = infoOf(ip, 4711);
    assertEquals(info.remoteAddr, {
      transport: "tcp",
      hostname: address,
      port: 4711,
    });
    assertEquals(info.requestIP?.(request), { address, family, port: 4711 });
  }
});

test("fetchInfo() gives no address that is not known, nor another request's", () => {
  for (const ip of [undefined, ""]) {
    const info = infoOf(ip);
    assertEquals(info.remoteAddr, undefined);
    assertEquals(info.requestIP?.(request), null);
  }
  const info = infoOf("192.0.2.1", 1);
  assertEquals(info.requestIP?.(new Request(request)), null);
  // It may be spread, and taken apart.
  const { requestIP } = { ...info };
  assertEquals(requestIP?.(request)?.port, 1);
});

/** As hono/deno and hono/bun find it, by whichever is there. */
function connInfo(request: Request, env: FetchInfo): unknown[] {
  const found: unknown[] = [];
  if (env.remoteAddr) {
    const { hostname, port, transport } = env.remoteAddr;
    found.push([hostname, port! > 0, transport]);
  }
  if (typeof env.requestIP === "function") {
    const { address, family, port } = env.requestIP(request)!;
    found.push([address.replace("::ffff:", ""), port > 0, typeof family]);
  }
  return found;
}

const DENO = ["127.0.0.1", true, "tcp"];
const BUN = ["127.0.0.1", true, "string"];
const NATIVE = runtime === "bun" ? [BUN] : [DENO];

for (const place of PLACES) {
  test(`serve() tells fetch the client's address; ${place.name}`, async () => {
    await using server = await serveAt(place, () => {}, {
      fetch: (request, info) => Response.json(connInfo(request, info)),
    });
    const peer = await connectRaw(place.carrier, portOf(server));
    peer.send(head("GET / HTTP/1.1", "Host: a", "Connection: close"));
    const answer = new TextDecoder().decode(await peer.readRest());
    const [, body = ""] = /(\[.*\])/.exec(answer) ?? [];
    assertEquals(
      JSON.parse(body),
      place.engine === "wire" ? [DENO, BUN] : NATIVE,
    );
    peer.destroy();
    await peer.closed;
  });
}

test("serve() tells fetch the address of each request, also behind the client's end", async () => {
  const infos: [Request, FetchInfo][] = [];
  await using server = await serve(() => {}, {
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, info) {
      infos.push([request, info]);
      return new Response("ok");
    },
  });
  for (let i = 0; i < 2; i++) {
    const peer = await connectRaw("TCP", portOf(server));
    peer.send(head("GET / HTTP/1.1", "Host: a", "Connection: close"));
    await peer.readRest();
    peer.destroy();
    await peer.closed;
  }
  const [one, two] = infos;
  const ports = infos.map(([request, { requestIP }]) =>
    requestIP!(request)!.port
  );
  assert(ports[0] !== ports[1]);
  assertEquals(ports, infos.map(([, info]) => info.remoteAddr!.port));
  // An info that is kept, as Bun's server may be, tells nothing of others.
  assertEquals(one![1].requestIP!(two![0]), null);
});

test("Upgrader.handler() hands the runtime's second argument to fetch", async () => {
  const seen: unknown[] = [];
  const handler = new Upgrader().handler(() => {}, {
    fetch(request, info) {
      seen.push(info);
      return Response.json(connInfo(request, info));
    },
  });
  const given: unknown[] = [];
  await using server = startServer((request, target) => {
    given.push(target);
    return handler.fetch(request, target);
  }, handler.websocket);
  const response = await fetch(`http://127.0.0.1:${server.port}`);
  assertEquals(await response.json(), NATIVE);
  assert(seen[0] === given[0]);
  await handler.fetch(new Request("http://localhost/"));
  assertEquals(seen[1], {});
});

test("fetchInfo() has the address of a real socket", async () => {
  const server = http.createServer((message, response) => {
    const request = new Request("http://localhost/");
    response.end(JSON.stringify(connInfo(
      request,
      fetchInfo(request, message.socket),
    )));
  });
  const port = await listen(server);
  const response = await fetch(`http://127.0.0.1:${port}`, {
    headers: { Connection: "close" },
  });
  assertEquals(await response.json(), [DENO, BUN]);
  server.closeAllConnections();
  await once(server.close(), "close");
});
