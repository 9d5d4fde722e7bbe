import { rmSync } from "node:fs";
import http from "node:http";
import { networkInterfaces, tmpdir } from "node:os";

import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { Dialer, type DialerOptions } from "../../../src/client/dialer.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import { makeAuthority } from "../../support/certificates.ts";
import {
  accepting,
  answering,
  type Serve,
  withServer,
} from "../../support/dial_server.ts";
import {
  echoing,
  failure,
  named,
  proxyURL,
  talk,
} from "../../support/dialing.ts";
import { deferred, hex, runtime, test, toHex } from "../../support/helper.ts";
import { withProxy } from "../../support/proxy_server.ts";
import { connect } from "../../support/sockets.ts";

test("openStream() dials through a CONNECT proxy, which sees the host alone", async () => {
  await withProxy(async (proxy) => {
    const heads: string[] = [];
    await withServer(echoing(heads), async (url) => {
      const { port } = new URL(url);
      await talk(`${named(url)}secret?path`, {
        proxy: `http://user:p%40ss@${proxy.address}`,
      }, { Authorization: "Bearer a", Cookie: "b=c", "X-D": "e" });
      assertEquals(proxy.heads, [
        `CONNECT inner.example:${port} HTTP/1.1\r\n` +
        `Host: inner.example:${port}\r\n` +
        `Proxy-Authorization: Basic ${btoa("user:p@ss")}\r\n\r\n`,
      ]);
      assertEquals(heads[0]?.includes("Proxy-"), false);
      assertEquals(
        heads[0]?.includes("\r\nAuthorization: Bearer a\r\nCookie: b=c\r\n"),
        true,
      );
    });
  });
});

test("openStream() speaks TLS through proxies, and TLS with them", async () => {
  const authority = makeAuthority("CA");
  const server = authority.issue("inner.example");
  const own = authority.issue("127.0.0.1");
  const tls = { ca: authority.cert };
  for (const scheme of ["http", "https"]) {
    await withProxy(async (proxy) => {
      await withServer(echoing(), async (url) => {
        const options = { tls, proxy: `${scheme}://${proxy.address}` };
        await talk(named(url), options);
        assertEquals(proxy.heads.length, 1);
        // The server's certificate is not for 127.0.0.1.
        const error = await failure(url, options);
        assertEquals(error.phase, "tls");
        assertEquals(error.address, new URL(url).host);
      }, { tls: server });
    }, scheme === "https" ? own : undefined);
  }
});

test("openStream() carries much data in TLS in TLS", async () => {
  const authority = makeAuthority("CA");
  const tls = authority.issue("127.0.0.1");
  await withProxy(async (proxy) => {
    await withServer(async (peer) => {
      await peer.send(await accepting(await peer.readHead()));
      const { payload } = await peer.readFrame();
      await peer.sendFrame({ opcode: 2, payload });
      await peer.ended;
    }, async (url) => {
      const { conn } = await new Dialer({
        proxy: `https://${proxy.address}`,
        tls: { ca: authority.cert },
      }).dial(url);
      const data = new Uint8Array(3_000_000).map((_, i) => i * 7);
      await conn.writeMessage(2, data);
      const message = await conn.readMessage();
      assertEquals(message.data.length, data.length);
      assertEquals((message.data as Uint8Array)[2_999_999], data[2_999_999]);
      conn.terminate();
      await conn.closed;
    }, { tls });
  }, tls);
});

test("openStream() verifies a proxy's host, whoever the server is", async () => {
  const authority = makeAuthority("CA");
  const stranger = makeAuthority("other");
  for (
    const certificate of [
      authority.issue("proxy.example"),
      stranger.issue("127.0.0.1"),
    ]
  ) {
    await withProxy(async (proxy) => {
      const error = await failure("wss://inner.example/", {
        proxy: `https://user:secret@${proxy.address}`,
        tls: { ca: authority.cert, servername: "proxy.example" },
      });
      assertEquals([error.phase, error.address], ["proxy", proxy.address]);
      assertInstanceOf(error.cause, Error);
      assertEquals(error.message.includes("secret"), false);
      assertEquals(proxy.heads, []);
    }, certificate);
  }
});

test("openStream() shows a proxy no client certificate", async () => {
  const authority = makeAuthority("CA");
  const client = authority.issue("client");
  const tls = {
    ...authority.issue("127.0.0.1"),
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const seen: boolean[] = [];
  const serve: Serve = async (peer, socket) => {
    const { subject } =
      (socket as import("node:tls").TLSSocket).getPeerCertificate() ?? {};
    seen.push(subject !== undefined);
    const head = await peer.readHead();
    if (head.startsWith("CONNECT")) peer.send("HTTP/1.1 403 No\r\n\r\n");
    else peer.send(await accepting(head));
    await peer.ended;
  };
  const options = { tls: { ca: authority.cert, ...client } };
  await withServer(serve, async (url) => {
    const proxy = proxyURL(url, "https");
    assertEquals((await failure(url, { ...options, proxy })).phase, "proxy");
    const { conn } = await new Dialer(options).dial(url);
    conn.terminate();
    await conn.closed;
  }, { tls, count: 2 });
  assertEquals(seen, [false, true]);
});

/** A SOCKS5 server and, behind it, the WebSocket server. */
function socks(
  asked: string[],
  method: string,
  subnegotiation?: [request: string, answer: string],
): Serve {
  return async (peer) => {
    const [, count = 0] = await peer.readBytes(2);
    asked.push(`methods ${toHex(await peer.readBytes(count))}`);
    peer.send(hex(method));
    if (subnegotiation !== undefined) {
      const length = hex(subnegotiation[0]).length;
      assertEquals(toHex(await peer.readBytes(length)), subnegotiation[0]);
      peer.send(hex(subnegotiation[1]));
    }
    const [, , , type, first = 0] = await peer.readBytes(5);
    const rest = type === 3 ? first : type === 1 ? 3 : 15;
    asked.push(`${type}: ${toHex(await peer.readBytes(rest + 2))}`);
    peer.send(hex("05 00 00 01 7f 00 00 01 00 50"));
    await echoing()(peer, undefined as never);
  };
}

test("openStream() dials through a SOCKS5 proxy, which looks up the name", async () => {
  for (const scheme of ["socks5", "socks5h"]) {
    const asked: string[] = [];
    await withServer(socks(asked, "05 00"), async (url) => {
      await talk("ws://inner.example:8080/", { proxy: proxyURL(url, scheme) });
    });
    assertEquals(asked, [
      "methods 00",
      `3: ${toHex(new TextEncoder().encode("inner.example"))} 1f 90`,
    ]);
  }
});

test("openStream() dials IP addresses through a SOCKS5 proxy", async () => {
  for (
    const [host, address] of [
      ["192.0.2.1", "1: 00 02 01 00 50"],
      ["[::1]", `4:${" 00".repeat(14)} 01 00 50`],
    ]
  ) {
    const asked: string[] = [];
    await withServer(socks(asked, "05 00"), async (url) => {
      await talk(`ws://${host}/`, { proxy: proxyURL(url, "socks5") });
    });
    assertEquals(asked, ["methods 00", address]);
  }
});

test("openStream() tells a SOCKS5 proxy the user name and password", async () => {
  const asked: string[] = [];
  const user: [string, string] = ["01 01 75 02 70 40", "01 00"];
  await withServer(socks(asked, "05 02", user), async (url) => {
    await talk("ws://a/", { proxy: proxyURL(url, "socks5", "u:p%40@") });
  });
  assertEquals(asked, ["methods 00 02", "3: 61 00 50"]);
});

test("openStream() lets netDial dial the proxy", async () => {
  const authority = makeAuthority("CA");
  const tls = authority.issue("proxy.example");
  for (const certificate of [undefined, tls]) {
    await withProxy(async (proxy) => {
      await withServer(echoing(), async (url) => {
        const seen: unknown[] = [];
        const scheme = certificate === undefined ? "http" : "https";
        await talk(named(url), {
          proxy: `${scheme}://proxy.example:1234`,
          tls: { ca: authority.cert },
          netDial: (address) => {
            seen.push(address);
            return connect(Number(proxy.address.split(":")[1]));
          },
        });
        assertEquals(seen, [{ hostname: "proxy.example", port: 1234 }]);
      });
    }, certificate);
  }
});

test("openStream() asks the proxy function for each dial", async () => {
  await withProxy(async (proxy) => {
    await withServer(answering(accepting), async (url) => {
      const asked: string[] = [];
      const dialer = new Dialer({
        proxy(target) {
          asked.push(target.href);
          target.hostname = "changed.example";
          return asked.length === 1
            ? new URL(`http://${proxy.address}`)
            : asked.length === 2
            ? undefined
            : null;
        },
      });
      for (let i = 0; i < 3; i++) {
        const { conn } = await dialer.dial(url);
        conn.terminate();
        await conn.closed;
      }
      assertEquals(asked, [url, url, url]);
      assertEquals(proxy.heads.length, 1);
    }, { count: 3 });
  });
});

test("openStream() tells what the proxy function threw or returned", async () => {
  const thrown = new Error("no way");
  const error = await failure("ws://a/", {
    proxy: () => {
      throw thrown;
    },
  });
  assertEquals([error.phase, error.address], ["proxy", "a:80"]);
  assertEquals(error.cause, thrown);
  for (const proxy of ["nothing", "ftp://a", 1, {}, true]) {
    const error = await failure("ws://a/", { proxy: () => proxy as string });
    assertEquals(error.phase, "proxy");
    assertInstanceOf(error.cause, TypeError);
  }
});

test("Dialer refuses a proxy that is none", () => {
  for (const proxy of ["", "p", "ftp://p", 1, {}, false]) {
    assertThrows(() => new Dialer({ proxy: proxy as string }), TypeError);
  }
  new Dialer({ proxy: null });
});

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).flat().some((net) =>
    net?.address === "::1"
  );
}

test("openStream() dials IPv6 literals", async () => {
  const server = http.createServer();
  const upgrader = new Upgrader();
  server.on("upgrade", upgrader.listener((conn) => conn.send("Hello")));
  const ready = deferred();
  server.listen(0, "::1", ready.resolve);
  await ready.promise;
  const { port } = server.address() as import("node:net").AddressInfo;
  const { conn } = await new Dialer().dial(`ws://[::1]:${port}/`);
  assertEquals((await conn.readMessage()).data, "Hello");
  await conn.close();
  server.close();
}, { lacks: hasIPv6() ? undefined : "IPv6" });

/** Runs a server on a unix socket whose path needs to be encoded. */
async function withUnixServer(
  fn: (path: string, seen: (string | null)[]) => Promise<void>,
): Promise<void> {
  const path = `${tmpdir()}/ws ${runtime} ${crypto.randomUUID()}:1.sock`;
  const seen: (string | null)[] = [];
  const server = http.createServer();
  const upgrader = new Upgrader();
  server.on(
    "upgrade",
    upgrader.listener(async (conn, request) => {
      const { pathname, search } = new URL(request.url);
      seen.push(pathname + search, request.headers.get("host"));
      for await (const { type, data } of conn) {
        await conn.writeMessage(type, data);
      }
    }),
  );
  const ready = deferred();
  server.listen(path, ready.resolve);
  await ready.promise;
  try {
    await fn(path, seen);
  } finally {
    server.close();
    rmSync(path, { force: true });
  }
}

test("openStream() dials unix sockets, never through a proxy", async () => {
  await withUnixServer(async (path, seen) => {
    const url = `ws+unix:${encodeURI(path).replace(":1.", "%3A1.")}`;
    const proxy = () => "http://127.0.0.1:1";
    await talk(`${url}:/a/b:c?d=e`, { proxy });
    await talk(url.replace("unix:", "unix://"), {}, { Host: "app.example" });
    assertEquals(seen, ["/a/b:c?d=e", "localhost", "/", "app.example"]);

    const error = await failure(`${url}.not`, {});
    assertEquals([error.phase, error.address], ["connect", `${path}.not`]);
    assertEquals((error.cause as { code: string }).code, "ENOENT");
  });
});

test("openStream() tells netDial the path of a unix socket", async () => {
  const error = await failure("wss+unix:/run/a.sock:/b", {
    netDial: (address) => {
      throw new Error(JSON.stringify(address));
    },
  });
  assertEquals(JSON.parse((error.cause as Error).message), {
    hostname: "localhost",
    port: 443,
    path: "/run/a.sock",
  });
});

test("openStream() speaks TLS over unix sockets, with localhost", async () => {
  const authority = makeAuthority("CA");
  for (
    const [name, servername] of [["localhost"], ["b.example", "b.example"]]
  ) {
    await withServer(echoing(), async (url) => {
      await talk("wss+unix:/run/a.sock:/", {
        tls: {
          ca: authority.cert,
          ...servername === undefined ? {} : { servername },
        },
        netDial: () => connect(Number(new URL(url).port)),
      });
    }, { tls: authority.issue(name!) });
  }
});

test("openStream() verifies IP literals as such", async () => {
  const authority = makeAuthority("CA");
  const tls = authority.issue("::1", "192.0.2.1");
  for (
    const [host, good] of [
      ["[::1]", true],
      ["192.0.2.1", true],
      ["[::2]", false],
      ["192.0.2.2", false],
    ] as const
  ) {
    await withServer(echoing(), async (url) => {
      const options: DialerOptions = {
        tls: { ca: authority.cert },
        netDial: () => connect(Number(new URL(url).port)),
      };
      if (good) await talk(`wss://${host}/`, options);
      else {assertEquals(
          (await failure(`wss://${host}/`, options)).phase,
          "tls",
        );}
    }, { tls, count: good ? 1 : 0 });
  }
});
