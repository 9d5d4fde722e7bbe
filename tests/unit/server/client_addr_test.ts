import http from "node:http";
import process from "node:process";
import { once } from "node:events";
import { rmSync } from "node:fs";

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";

import { dial } from "../../../src/client/dialer.ts";
import {
  TrustedProxies,
  type TrustProxyOptions,
} from "../../../src/server/client_addr.ts";
import { serve } from "../../../src/server/serve.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgradeInfo } from "../../../src/server/upgrader_options.ts";
import type { Addr } from "../../../src/transport/transport.ts";
import { deferred, runtime, test } from "../../support/helper.ts";
import { ca } from "../../support/http_server.ts";
import { PLACES, portOf, serveAt, wsUrl } from "../../support/servers.ts";
import { Dialer } from "../../../src/client/dialer.ts";

const PROXY: Addr = { transport: "tcp", hostname: "10.0.0.1", port: 4711 };
const FROM = ["10.0.0.0/8", "2001:db8:ffff::/48"];

function tcp(hostname: string, port = 0): Addr {
  return { transport: "tcp", hostname, port };
}

/** Who the client is by a header's lines, behind the proxy 10.0.0.1. */
function clientAddr(
  header: "x-forwarded-for" | "forwarded",
  lines: readonly string[],
  from: readonly string[] = FROM,
  peer: Addr | undefined = PROXY,
): Addr | undefined {
  const headers = new Headers(
    lines.map((line): [string, string] => [header, line]),
  );
  return new TrustedProxies({ from, header }).clientAddr(headers, peer);
}

const X_FORWARDED_FOR: [lines: string[], client: Addr][] = [
  [["192.0.2.1"], tcp("192.0.2.1")],
  // What the client has made up stands to the left.
  [["1.1.1.1, 192.0.2.1"], tcp("192.0.2.1")],
  [["1.1.1.1", "192.0.2.1"], tcp("192.0.2.1")],
  [["10.9.9.9, 192.0.2.1"], tcp("192.0.2.1")],
  // Proxies before proxies.
  [["1.1.1.1, 192.0.2.1, 10.2.0.1"], tcp("192.0.2.1")],
  [["1.1.1.1", "192.0.2.1, 10.2.0.1", "10.3.0.1"], tcp("192.0.2.1")],
  [["192.0.2.1,10.2.0.1,2001:db8:ffff::2"], tcp("192.0.2.1")],
  // All are proxies: the first of them has the connection.
  [["10.2.0.1, 10.3.0.1"], tcp("10.2.0.1")],
  // Ports and IPv6.
  [["192.0.2.1:8080"], tcp("192.0.2.1", 8080)],
  [["192.0.2.1:0"], tcp("192.0.2.1")],
  [["2001:DB8:0:0::1"], tcp("2001:db8::1")],
  [["[2001:db8::1]"], tcp("2001:db8::1")],
  [["[2001:db8::1]:443"], tcp("2001:db8::1", 443)],
  [["::ffff:192.0.2.1"], tcp("192.0.2.1")],
  [["::ffff:c000:201"], tcp("192.0.2.1")],
  [["192.0.2.1, ::ffff:10.0.0.7"], tcp("192.0.2.1")],
  // Empty elements.
  [["192.0.2.1, , ,"], tcp("192.0.2.1")],
  [[",192.0.2.1,10.2.0.1,,"], tcp("192.0.2.1")],
  [["", "192.0.2.1", ""], tcp("192.0.2.1")],
  [["\t192.0.2.1\t"], tcp("192.0.2.1")],
  // What is no address ends the way: nobody vouches for what is behind it.
  [[], PROXY],
  [[""], PROXY],
  [[", ,"], PROXY],
  [["unknown"], PROXY],
  [["192.0.2.1, unknown"], PROXY],
  [["192.0.2.1, _hidden, 10.2.0.1"], tcp("10.2.0.1")],
  [["192.0.2.1, 10.2.0.1:x"], PROXY],
  [["192.0.2.1, 10.2.0.1:65536"], PROXY],
  [["192.0.2.1, 10.2.0.1:"], PROXY],
  [["192.0.2.1 10.2.0.1"], PROXY],
  [["192.0.2.1; 10.2.0.1"], PROXY],
  [["192.0.2.01"], PROXY],
  [["192.0.2.256"], PROXY],
  [["192.0.2"], PROXY],
  [["0x7f000001"], PROXY],
  [["[192.0.2.1]"], PROXY],
  [["[2001:db8::1"], PROXY],
  [["2001:db8::1]:80"], PROXY],
  [["[2001:db8::1]80"], PROXY],
  [["fe80::1%eth0"], PROXY],
  [['"192.0.2.1"'], PROXY],
  [["for=192.0.2.1"], PROXY],
  [["__proto__"], PROXY],
];

const FORWARDED: [lines: string[], client: Addr][] = [
  [["for=192.0.2.1"], tcp("192.0.2.1")],
  [["For=192.0.2.1;proto=https;by=203.0.113.43"], tcp("192.0.2.1")],
  [["proto=http; for=192.0.2.1 ; host=a"], tcp("192.0.2.1")],
  [['for="192.0.2.1:47011"'], tcp("192.0.2.1", 47_011)],
  [["for=192.0.2.1:47011"], tcp("192.0.2.1", 47_011)],
  [['for="192.0.2.1:_secret"'], tcp("192.0.2.1")],
  [['for="[2001:db8::1]:80"'], tcp("2001:db8::1", 80)],
  [['for="[2001:db8:0::1]"'], tcp("2001:db8::1")],
  [['for="[::ffff:192.0.2.1]:80"'], tcp("192.0.2.1", 80)],
  [['for="\\1\\9\\2.0.2.1"'], tcp("192.0.2.1")],
  // Empty pairs (RFC 7239, section 4) say nothing.
  [["for=192.0.2.1;;proto=http"], tcp("192.0.2.1")],
  [["proto=http;;for=192.0.2.1"], tcp("192.0.2.1")],
  [[";for=192.0.2.1"], tcp("192.0.2.1")],
  [["for=192.0.2.1;"], tcp("192.0.2.1")],
  [[" ; ;\t;for=192.0.2.1 ; ; "], tcp("192.0.2.1")],
  [[';for="[2001:db8::1]:80";;host="a;;b";'], tcp("2001:db8::1", 80)],
  [["for=192.0.2.1;, ;for=10.2.0.1;;"], tcp("192.0.2.1")],
  [["for=192.0.2.1,,,;for=10.2.0.1;,,,"], tcp("192.0.2.1")],
  [[`for=192.0.2.1${";".repeat(1000)}`], tcp("192.0.2.1")],
  // An element of nothing else is a hop that does not say for whom.
  [["for=192.0.2.1, ;"], PROXY],
  [["for=192.0.2.1, ; ;, for=10.2.0.1"], tcp("10.2.0.1")],
  [["for=192.0.2.1, ;proto=http;"], PROXY],
  [[";for=1.1.1.1;;for=192.0.2.1"], PROXY],
  [["for=192.0.2.1 ;; proto"], PROXY],
  [["for=192.0.2.1;;="], PROXY],
  // Several proxies, in one line or more.
  [["for=1.1.1.1, for=192.0.2.1"], tcp("192.0.2.1")],
  [["for=1.1.1.1", "for=192.0.2.1, for=10.2.0.1"], tcp("192.0.2.1")],
  [["for=192.0.2.1", "for=10.2.0.1;by=10.3.0.1"], tcp("192.0.2.1")],
  [["for=192.0.2.1,,", ", for=10.2.0.1 ,"], tcp("192.0.2.1")],
  // Commas, semicolons and quotes within quotes.
  [['for=192.0.2.1;host="a,for=1.1.1.1"'], tcp("192.0.2.1")],
  [['for=192.0.2.1;host="a\\",for=1.1.1.1"'], tcp("192.0.2.1")],
  [['host="a;for=1.1.1.1";for=192.0.2.1'], tcp("192.0.2.1")],
  [['for=192.0.2.1;host="a\\\\", for=10.2.0.1'], tcp("192.0.2.1")],
  // What a client has left open must not swallow what the proxy adds.
  [['for="', "for=192.0.2.1"], tcp("192.0.2.1")],
  [['for="1.1.1.1', 'for="192.0.2.1:80"'], tcp("192.0.2.1", 80)],
  [['for="1.1.1.1\\', "for=192.0.2.1"], tcp("192.0.2.1")],
  [['for="a", for="', "for=192.0.2.1", "for=10.2.0.1"], tcp("192.0.2.1")],
  // What is no address ends the way.
  [[], PROXY],
  [["for=unknown"], PROXY],
  [["for=_gazonk"], PROXY],
  [["for=192.0.2.1, for=unknown, for=10.2.0.1"], tcp("10.2.0.1")],
  [["for=192.0.2.1, proto=https"], PROXY],
  [["for=1.1.1.1;for=192.0.2.1"], PROXY],
  [["192.0.2.1"], PROXY],
  [["for"], PROXY],
  [["for="], PROXY],
  [['for=""'], PROXY],
  [['for="192.0.2.1'], PROXY],
  [['for=192.0.2.1"'], PROXY],
  [['for="192.0.2.1"x'], PROXY],
  [["for =192.0.2.1"], PROXY],
  [["for= 192.0.2.1"], PROXY],
  [["xfor=192.0.2.1"], PROXY],
];

for (
  const [header, cases] of [
    ["x-forwarded-for", X_FORWARDED_FOR],
    ["forwarded", FORWARDED],
  ] as const
) {
  test(`trustProxy finds the client in ${header}`, () => {
    for (const [lines, client] of cases) {
      assertEquals(clientAddr(header, lines), client, JSON.stringify(lines));
    }
  });
}

test("nothing that a client writes changes what its proxy adds", () => {
  const alphabet = [...'",;=\\[]:. \t_0a', "for=", "10.0.0.2", "unknown"];
  let state = 1;
  const random = (below: number) => {
    // Park and Miller's generator: the same texts each time.
    state = state * 48_271 % 0x7fffffff;
    return state % below;
  };
  const client = "192.0.2.1";
  for (let i = 0; i < 2_000; i++) {
    let text = "";
    for (let n = random(12); n > 0; n--) {
      text += alphabet[random(alphabet.length)];
    }
    const last = `for="${client}:80";by=10.0.0.1`;
    for (const lines of [[text, last], [`${text},${last}, for=10.0.0.3`]]) {
      assertEquals(clientAddr("forwarded", lines), tcp(client, 80), text);
    }
    for (const lines of [[text, client], [`${text},${client}, 10.0.0.3`]]) {
      assertEquals(clientAddr("x-forwarded-for", lines), tcp(client), text);
    }
  }
});

test("trustProxy believes nobody else", () => {
  const lines = ["192.0.2.1"];
  for (const peer of [tcp("11.0.0.1"), tcp("2001:db8:fffe::1"), tcp("x")]) {
    assertEquals(clientAddr("x-forwarded-for", lines, FROM, peer), peer);
  }
  const unix: Addr = { transport: "unix", path: "/run/app.sock" };
  assertEquals(clientAddr("x-forwarded-for", lines, FROM, unix), unix);
  assertEquals(clientAddr("x-forwarded-for", lines, [], PROXY), PROXY);
  const nobody = new TrustedProxies({ from: [...FROM, "unix"] });
  const headers = new Headers({ "X-Forwarded-For": "192.0.2.1" });
  assertEquals(nobody.clientAddr(headers, undefined), undefined);
  assertEquals(nobody.clientAddr(headers, unix), tcp("192.0.2.1"));
});

test("trustProxy takes addresses and ranges of both families", () => {
  const lines = ["192.0.2.1"];
  const peers: [from: string, peer: string, trusted: boolean][] = [
    ["10.0.0.1", "10.0.0.1", true],
    ["10.0.0.1", "10.0.0.2", false],
    ["10.0.0.1", "::ffff:10.0.0.1", true],
    ["10.0.0.0/31", "10.0.0.1", true],
    ["10.0.0.0/31", "10.0.0.2", false],
    ["10.1.2.3/8", "10.200.0.1", true],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    // Bun and Node take all IPv4 for a part of this, Deno does not.
    ["::/0", "8.8.8.8", false],
    ["::ffff:10.0.0.1", "10.0.0.1", true],
    ["::ffff:10.0.0.0/104", "10.9.9.9", true],
    ["::ffff:10.0.0.0/104", "11.9.9.9", false],
    ["2001:DB8::/32", "2001:db8:1::1", true],
    ["2001:DB8::/32", "2001:db9::1", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["64:ff9b::1.2.3.4/128", "64:ff9b::102:304", true],
  ];
  for (const [from, peer, trusted] of peers) {
    assertEquals(
      clientAddr("x-forwarded-for", lines, [from], tcp(peer)),
      tcp(trusted ? "192.0.2.1" : peer),
      `${from} and ${peer}`,
    );
  }
});

test("Upgrader explains a trustProxy that it cannot take", () => {
  const bad: [trustProxy: unknown, says: string][] = [
    ...[
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/",
      "10.0.0.0/8.5",
      "10.0.0/8",
      "10.0.0.01",
      "2001:db8::/129",
      "::ffff:10.0.0.0/95",
      "localhost",
      "loopback",
      "*",
      "",
      " 10.0.0.1",
      "10.0.0.1:80",
      "[::1]",
      "fe80::1%eth0",
      "UNIX",
    ].map((range): [unknown, string] => [
      { from: [range] },
      `Cannot trust proxy ${JSON.stringify(range)}: use an IP address, a ` +
      'range such as "10.0.0.0/8", or "unix"',
    ]),
    [{ from: [10] }, "Cannot trust proxy number: use an IP address"],
    [{ from: "10.0.0.1" }, "from must be an array of the proxies' addresses"],
    [{}, "from must be an array"],
    [true, "Cannot use the options of trustProxy: they must be an object"],
    [
      ["10.0.0.1"],
      "Cannot use the options of trustProxy: they must be an object",
    ],
    [
      { from: [], header: "X-Real-IP" },
      'Cannot use header "X-Real-IP" of trustProxy: use "x-forwarded-for" or ' +
      '"forwarded"',
    ],
    [{ from: [], hops: 1 }, "Cannot use option hops of trustProxy"],
  ];
  for (const [trustProxy, says] of bad) {
    assertThrows(
      () => new Upgrader({ trustProxy: trustProxy as TrustProxyOptions }),
      TypeError,
      says,
    );
  }
});

test("trustProxy looks at a bounded part of a long header, once", () => {
  const MIB = 2 ** 20;
  const long: [header: "x-forwarded-for" | "forwarded", text: string][] = [
    ["x-forwarded-for", ",".repeat(MIB)],
    ["x-forwarded-for", "10.0.0.2,".repeat(MIB / 9)],
    ["x-forwarded-for", `${" ".repeat(MIB)}x`],
    ["x-forwarded-for", "1".repeat(MIB)],
    ["x-forwarded-for", ":".repeat(MIB)],
    ["forwarded", ",".repeat(MIB)],
    ["forwarded", "for=10.0.0.2,".repeat(MIB / 13)],
    ["forwarded", '"'.repeat(MIB + 1)],
    ["forwarded", `"${"\\".repeat(MIB)}"`],
    ["forwarded", `for="${'\\"'.repeat(MIB / 2)}"`],
    ["forwarded", `for="${"a,".repeat(MIB / 2)}"`],
    ["forwarded", "a=b;".repeat(MIB / 4)],
    ["forwarded", ";".repeat(MIB)],
    ["forwarded", "; ,".repeat(MIB / 3)],
    ["forwarded", `${" ".repeat(1000)}x;`.repeat(MIB / 1000)],
    ["forwarded", `,${"; ".repeat(500)}x`.repeat(MIB / 1000)],
    ["forwarded", `a=b${" \t".repeat(MIB / 2)}x`],
    ["forwarded", "a".repeat(MIB)],
  ];
  for (const [header, text] of long) {
    const client = clientAddr(header, [text]);
    const known = client?.transport === "tcp" && client.hostname;
    assertEquals(
      known,
      text.includes("10.0.0.2") ? "10.0.0.2" : "10.0.0.1",
      text.slice(0, 20),
    );
  }
  // More proxies than any way has: what is behind them is not looked at.
  const many = ["192.0.2.1", ...new Array(64).fill("10.0.0.2")];
  assertEquals(clientAddr("x-forwarded-for", many), tcp("10.0.0.2"));
  assertEquals(
    clientAddr("x-forwarded-for", many.slice(0, 64)),
    tcp("192.0.2.1"),
  );
});

for (const place of PLACES) {
  test(`clientAddr is who the trusted proxy says, ${place.name}`, async () => {
    const told = deferred<UpgradeInfo>();
    const seen = deferred<Addr | undefined>();
    await using server = await serveAt(place, (conn) => {
      seen.resolve(conn.clientAddr);
      assertEquals(conn.remoteAddr?.transport, "tcp");
      conn.close();
    }, {
      upgrader: {
        trustProxy: { from: ["127.0.0.1"] },
        authorize: (_request, info) => told.resolve(info),
      },
    });
    const { conn } = await new Dialer({ tls: { ca } }).dial(
      wsUrl(place, server),
      {
        headers: [
          ["Forwarded", "for=3.3.3.3"],
          ["X-Forwarded-For", "1.1.1.1"],
          ["X-Forwarded-For", "192.0.2.1:99"],
        ],
      },
    );
    assertEquals(await seen.promise, tcp("192.0.2.1", 99));
    const { remoteAddr, clientAddr } = await told.promise;
    assertEquals(clientAddr, tcp("192.0.2.1", 99));
    assertEquals(
      remoteAddr?.transport === "tcp" && remoteAddr.hostname,
      "127.0.0.1",
    );
    await conn.closed;
  });

  test(`clientAddr is the peer's unless a proxy is trusted, ${place.name}`, async () => {
    for (const from of [undefined, ["10.0.0.0/8", "unix"]]) {
      const seen = deferred<[unknown, unknown]>();
      await using server = await serveAt(place, (conn) => {
        seen.resolve([conn.clientAddr, conn.remoteAddr]);
        conn.close();
      }, {
        upgrader: from === undefined ? {} : { trustProxy: { from } },
      });
      const { conn } = await new Dialer({ tls: { ca } }).dial(
        wsUrl(place, server),
        {
          headers: { "X-Forwarded-For": "127.0.0.1", Forwarded: "for=1.1.1.1" },
        },
      );
      const [client, remote] = await seen.promise;
      // One object: an idle connection keeps no second one.
      assertStrictEquals(client, remote);
      await conn.closed;
    }
  });
}

for (const engine of ["wire", "native"] as const) {
  test(`an IPv4 peer of a server for both families is IPv4, ${engine}`, async () => {
    const seen = deferred<Addr | undefined>();
    const told = deferred<UpgradeInfo>();
    await using server = await serve((conn) => {
      seen.resolve(conn.remoteAddr);
      conn.close();
    }, {
      port: 0,
      hostname: "::",
      engine,
      upgrader: { authorize: (_request, info) => told.resolve(info) },
    });
    const { conn } = await dial(`ws://127.0.0.1:${portOf(server)}/`);
    await conn.closed;
    for (const addr of [await seen.promise, (await told.promise).clientAddr]) {
      assertEquals(addr?.transport === "tcp" && addr.hostname, "127.0.0.1");
    }
  });
}

let sockets = 0;

function socketPath(): string {
  return `/tmp/client_addr_${runtime}_${process.pid}_${sockets++}.sock`;
}

/** The runtime's own server, on a unix socket. */
function serveUnix(
  path: string,
  { fetch, websocket }: ReturnType<Upgrader["handler"]>,
): () => Promise<void> {
  if (runtime === "deno") {
    const server = Deno.serve({ path, onListen() {} }, fetch as () => Response);
    return () => server.shutdown();
  }
  // deno-lint-ignore no-explicit-any -- Bun's global, which Deno does not know
  const { Bun } = globalThis as any;
  const server = Bun.serve({ unix: path, fetch, websocket });
  return () => server.stop(true);
}

for (const engine of ["wire", "native"] as const) {
  test(`"unix" trusts the peers on a unix socket, ${engine}`, async () => {
    for (const from of [["unix"], ["127.0.0.1", "0.0.0.0/0", "::/0"]]) {
      const seen = deferred<Addr | undefined>();
      const path = socketPath();
      const upgrader = new Upgrader({ trustProxy: { from } });
      const onConn = (
        conn: { clientAddr: Addr | undefined; close(): unknown },
      ) => {
        seen.resolve(conn.clientAddr);
        conn.close();
      };
      let stop: () => unknown;
      if (engine === "wire") {
        const server = http.createServer();
        server.on("upgrade", upgrader.listener(onConn));
        await once(server.listen(path), "listening");
        stop = () => once(server.close(), "close");
      } else stop = serveUnix(path, upgrader.handler(onConn));
      try {
        const { conn } = await dial(`ws+unix:${path}:/`, {
          headers: { "X-Forwarded-For": "192.0.2.1" },
        });
        assertEquals(
          await seen.promise,
          from[0] === "unix" ? tcp("192.0.2.1") : { transport: "unix", path },
        );
        await conn.closed;
      } finally {
        await stop();
        rmSync(path, { force: true });
      }
    }
  });
}
