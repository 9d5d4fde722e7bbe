import { assertEquals, assertInstanceOf } from "@std/assert";
import { Dialer } from "../../../src/client/dialer.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { ByteStream } from "../../../src/transport/byte_stream.ts";
import { answering, withServer } from "../../support/dial_server.ts";
import { echoing, failure, proxyURL, talk } from "../../support/dialing.ts";
import { hex, test } from "../../support/helper.ts";
import { withProxy } from "../../support/proxy_server.ts";

// What hostile proxies answer to CONNECT.
const REFUSALS: [name: string, answer: string, status: number, body: string][] =
  [
    [
      "407",
      "HTTP/1.1 407 Proxy Authentication Required\r\n" +
      "Proxy-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nLog in",
      407,
      "Log i",
    ],
    ["502", "HTTP/1.0 502 Bad Gateway\r\n\r\n<p>nobody", 502, "<p>nobody"],
    ["a redirect", "HTTP/1.1 302 F\r\nLocation: http://a/\r\n\r\n", 302, ""],
    ["101", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, ""],
  ];

for (const [name, answer, status, body] of REFUSALS) {
  test(`openTunnel() shows a proxy's refusal: ${name}`, async () => {
    await withServer(async (peer) => {
      await peer.readHead();
      peer.send(answer);
      peer.end();
      await peer.ended;
    }, async (url) => {
      const proxy = proxyURL(url, "http");
      const { host } = new URL(url);
      const [line = ""] = answer.split("\r\n");
      const told = status === 302
        ? '302 F, Location "http://a/": redirects are not followed'
        : line.slice(9);
      const error = await failure("ws://a/", { proxy });
      assertEquals([error.phase, error.address], ["proxy", host]);
      assertEquals(
        error.message,
        `Cannot connect through the proxy ${host} to a:80: ` +
          `it answered with status ${told}`,
      );
      assertInstanceOf(error.cause, BadHandshakeError);
      const { response } = error.cause as BadHandshakeError;
      assertEquals(response.status, status);
      assertEquals(new TextDecoder().decode(response.body), body);
    });
  });
}

test("openTunnel() keeps 1024 bytes of a proxy's endless refusal", async () => {
  await withServer(async (peer) => {
    await peer.readHead();
    peer.send("HTTP/1.1 503 No\r\n\r\n");
    peer.send("x".repeat(100_000));
    await peer.ended;
  }, async (url) => {
    const { cause } = await failure("ws://a/", {
      proxy: proxyURL(url, "http"),
    });
    assertEquals((cause as BadHandshakeError).response.body.length, 1024);
  });
});

const BROKEN: [
  name: string,
  scheme: string,
  answer: string,
  message: string,
][] = [
  [
    "a head of more than 64 KiB",
    "http",
    `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`,
    "bad answer",
  ],
  [
    "1xx answers of more than 64 KiB",
    "http",
    "HTTP/1.1 103 E\r\n\r\n".repeat(4_000),
    "bad answer",
  ],
  ["garbage", "http", "\x00\x01\x02", "bad answer"],
  ["SOCKS", "http", "\x05\x00", "bad answer"],
  ["a bare LF", "http", "HTTP/1.1 200 OK\n\n", "bad answer"],
  ["a part of a head", "http", "HTTP/1.1 200 OK\r\n", "without an answer"],
  ["nothing", "http", "", "without an answer"],
  ["nothing", "socks5", "", "without an answer"],
  ["HTTP", "socks5", "HTTP/1.1 400 Bad\r\n\r\n", "version 72, not 5"],
  ["no method", "socks5", "\x05\xff", "it wants authentication"],
  ["a refusal", "socks5", "\x05\x00\x05\x05", "reply 5, connection refused"],
  ["a part of a reply", "socks5", "\x05\x00\x05\x00\x00", "without an answer"],
];

for (const [name, scheme, answer, message] of BROKEN) {
  test(`openTunnel() fails on a ${scheme} proxy that answers ${name}`, async () => {
    await withServer(async (peer) => {
      await peer.readBytes(3);
      peer.send(Uint8Array.from(answer, (char) => char.charCodeAt(0)));
      peer.end();
      await peer.ended;
    }, async (url) => {
      const error = await failure("ws://a/", { proxy: proxyURL(url, scheme) });
      assertEquals([error.phase, error.address], ["proxy", new URL(url).host]);
      assertEquals(error.message.includes(message), true, error.message);
      assertInstanceOf(error.cause, Error);
      if (message !== "without an answer") return;
      assertEquals((error.cause as { code?: string }).code, "ECONNRESET");
    });
  });
}

test("openTunnel() fails on a proxy that resets the connection", async () => {
  for (const scheme of ["http", "socks5"]) {
    await withServer(async (peer) => {
      await peer.readBytes(3);
      peer.reset();
      await peer.closed;
    }, async (url) => {
      const error = await failure("ws://a/", { proxy: proxyURL(url, scheme) });
      assertEquals(error.phase, "proxy");
    });
  }
});

test("openTunnel() fails on a proxy that is not there", async () => {
  let address = "";
  await withProxy((proxy) => {
    ({ address } = proxy);
    return Promise.resolve();
  });
  for (const scheme of ["http", "https", "socks5"]) {
    const proxy = `${scheme}://u:secret@${address}`;
    const error = await failure("wss://a/", { proxy });
    assertEquals([error.phase, error.address], ["proxy", address]);
    assertEquals((error.cause as { code: string }).code, "ECONNREFUSED");
    assertEquals(
      error.message,
      `Cannot connect through the proxy ${address} to a:443: ECONNREFUSED`,
    );
  }
});

test("openTunnel() reads a proxy's answer byte by byte, and 1xx before it", async () => {
  await withServer(async (peer, socket) => {
    socket.setNoDelay(true);
    await peer.readHead();
    const answer = "HTTP/1.0 103 Hints\r\n\r\nHTTP/1.0 200 Fine\r\nContent-" +
      "Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char of answer) await peer.send(char);
    await echoing()(peer, socket);
  }, async (url) => {
    await talk("ws://a/", { proxy: proxyURL(url, "http") });
  });
});

test("openTunnel() gives up a silent proxy", async () => {
  for (const scheme of ["http", "https", "socks5"]) {
    await withServer(async (peer) => {
      await peer.ended;
    }, async (url) => {
      const { host } = new URL(url);
      const proxy = proxyURL(url, scheme);
      const error = await new Dialer({ proxy, handshakeTimeout: 50 })
        .dial("ws://a/").catch((error) => error);
      assertInstanceOf(error, DOMException);
      assertEquals(error.name, "TimeoutError");
      assertEquals(
        error.message,
        `Cannot connect through the proxy ${host} to a:80: ` +
          "the handshake took more than 50 ms",
      );
    });
  }
});

test("openTunnel() gives up a proxy by its signal", async () => {
  for (const scheme of ["http", "socks5"]) {
    const controller = new AbortController();
    const reason = new Error("enough");
    await withServer(async (peer) => {
      await peer.readBytes(3);
      controller.abort(reason);
      await peer.ended;
    }, async (url) => {
      const dialer = new Dialer({ proxy: proxyURL(url, scheme) });
      const { signal } = controller;
      const error = await dialer.dial("ws://a/", { signal })
        .catch((error) => error);
      assertEquals(error, reason);
    });
  }
});

test("openTunnel() keeps what comes right behind a proxy's answer", async () => {
  await withServer(async (peer) => {
    await peer.readHead();
    // A server that talks first, in the proxy's own segment.
    peer.send("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 503 Busy\r\n\r\n");
    peer.end();
    await peer.ended;
  }, async (url) => {
    const dialer = new Dialer({ proxy: proxyURL(url, "http") });
    const error = await dialer.dial("ws://a/").catch((error) => error);
    assertInstanceOf(error, BadHandshakeError);
    assertEquals((error as BadHandshakeError).response.status, 503);
  });
});

test("openTunnel() keeps what comes right behind a SOCKS5 proxy's reply", async () => {
  await withServer(async (peer) => {
    await peer.readBytes(3);
    await peer.send(hex("05 00"));
    await peer.readBytes(8);
    const answer = new TextEncoder().encode("HTTP/1.1 503 Busy\r\n\r\n");
    await peer.send(
      new Uint8Array([...hex("05 00 00 01 00 00 00 00 00 00"), ...answer]),
    );
    peer.end();
    await peer.ended;
  }, async (url) => {
    const dialer = new Dialer({ proxy: proxyURL(url, "socks5") });
    const error = await dialer.dial("ws://a/").catch((error) => error);
    assertInstanceOf(error, BadHandshakeError);
    assertEquals((error as BadHandshakeError).response.status, 503);
  });
});

test("openTunnel() gives up a proxy that takes nothing", async () => {
  for (const scheme of ["http", "socks5"]) {
    let destroyed = false;
    const stream: ByteStream = {
      start: () => {},
      pause: () => {},
      resume: () => {},
      write: () => {},
      end: () => {},
      destroy: () => destroyed = true,
    };
    const error = await new Dialer({
      proxy: `${scheme}://p`,
      netDial: () => stream,
      handshakeTimeout: 10,
    }).dial("ws://a/").catch((error) => error);
    assertEquals((error as Error).name, "TimeoutError");
    assertEquals(destroyed, true);
  }
});

test("openTunnel() tells the server's refusal behind a proxy from the proxy's", async () => {
  await withProxy(async (proxy) => {
    await withServer(
      answering("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
      async (url) => {
        const dialer = new Dialer({ proxy: `http://${proxy.address}` });
        const error = await dialer.dial(url).catch((error) => error);
        assertInstanceOf(error, BadHandshakeError);
      },
    );
  });
});
