import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { CookieJar } from "../../../src/cookies/cookie_jar.ts";
import { MemoryCookieJar } from "../../../src/cookies/memory_cookie_jar.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { HeadersLike } from "../../../src/handshake/headers.ts";
import {
  accepting,
  type Serve,
  withServer,
} from "../../support/dial_server.ts";
import { proxyURL } from "../../support/dialing.ts";
import { deferred, test } from "../../support/helper.ts";

async function dialOnce(
  dialer: Dialer,
  url: string,
  headers: HeadersLike = {},
): Promise<void> {
  const { conn } = await dialer.dial(url, { headers });
  conn.terminate();
  await conn.closed;
}

/** Notes the Cookie headers of requests, and accepts with these cookies. */
function setting(seen: string[][], ...cookies: string[]): Serve {
  return async (peer) => {
    const head = await peer.readHead();
    seen.push(head.split("\r\n").filter((line) => /^cookie:/i.test(line)));
    const lines = cookies.map((cookie) => `Set-Cookie: ${cookie}`);
    peer.send(await accepting(head, ...lines));
    await peer.ended;
  };
}

test("Dialer.dial() sends the jar's cookies and keeps the server's", async () => {
  const seen: string[][] = [];
  const dialer = new Dialer({ jar: new MemoryCookieJar() });
  const serve = setting(
    seen,
    "a=1; Path=/",
    "b=2",
    "c=3; Secure",
    "d=4; Max-Age=0",
  );
  await withServer(serve, async (url) => {
    await dialOnce(dialer, `${url}x/y`);
    await dialOnce(dialer, `${url}x/z`);
    await dialOnce(dialer, `${url}other`);
    // Cookies are of hosts, not of ports; and of no other dialer.
    await dialOnce(new Dialer(), `${url}x/z`);
  }, { count: 4 });
  assertEquals(seen, [[], ["Cookie: b=2; a=1"], ["Cookie: a=1"], []]);
});

test("Dialer.dial() joins the jar's cookies with the application's", async () => {
  const seen: string[][] = [];
  const dialer = new Dialer({ jar: new MemoryCookieJar() });
  await withServer(setting(seen, "a=jar", "b=jar"), async (url) => {
    await dialOnce(dialer, url, { cookie: "mine=1" });
    await dialOnce(dialer, url, { cookie: "b=mine; c=mine" });
    await dialOnce(dialer, url, new Headers({ Cookie: "a=1; b=2" }));
  }, { count: 3 });
  assertEquals(seen, [
    ["cookie: mine=1"],
    ["cookie: b=mine; c=mine; a=jar"],
    ["cookie: a=1; b=2"],
  ]);
});

test("Dialer.dial() keeps the cookies of a refused handshake", async () => {
  const seen: string[][] = [];
  const jar = new MemoryCookieJar();
  const dialer = new Dialer({ jar });
  await withServer(async (peer) => {
    const head = await peer.readHead();
    seen.push(head.split("\r\n").filter((line) => /^cookie:/i.test(line)));
    peer.send(
      "HTTP/1.1 401 No\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n" +
        "Content-Length: 0\r\n\r\n",
    );
    await peer.ended;
  }, async (url) => {
    for (let i = 0; i < 2; i++) {
      await assertRejects(() => dialer.dial(url), BadHandshakeError);
    }
    assertEquals(jar.getCookies(new URL(url)), "a=1; b=2");
  }, { count: 2 });
  assertEquals(seen, [[], ["Cookie: a=1; b=2"]]);
});

test("Dialer.dial() neither shows a proxy cookies nor takes any from it", async () => {
  const jar = new MemoryCookieJar();
  const target = new URL("ws://inner.example/");
  jar.setCookies(target, new Headers({ "Set-Cookie": "a=1" }));
  await withServer(async (peer) => {
    const head = await peer.readHead();
    assertEquals(/cookie/i.test(head), false);
    peer.send(
      "HTTP/1.1 407 No\r\nSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
    );
    await peer.ended;
  }, async (url) => {
    const dialer = new Dialer({ jar, proxy: proxyURL(url, "http") });
    await dialer.dial(target, { headers: { Cookie: "b=2" } }).catch(() => {});
    assertEquals(jar.getCookies(target), "a=1");
    assertEquals(jar.getCookies(new URL(url)), "");
  });
});

test("Dialer.dial() waits for a jar that is async", async () => {
  const calls: string[] = [];
  const jar: CookieJar = {
    getCookies: (url) => {
      calls.push(`get ${url.pathname}`);
      return Promise.resolve("a=1");
    },
    setCookies: async (url, headers) => {
      await Promise.resolve();
      calls.push(`set ${url.pathname} ${headers.getSetCookie()}`);
    },
  };
  const seen: string[][] = [];
  await withServer(setting(seen, "b=2"), async (url) => {
    await dialOnce(new Dialer({ jar }), `${url}x`);
  });
  assertEquals(seen, [["Cookie: a=1"]]);
  assertEquals(calls, ["get /x", "set /x b=2"]);
});

test("Dialer.dial() rejects with what the jar throws", async () => {
  const thrown = new Error("no way");
  const fail = () => {
    throw thrown;
  };
  const netDial = () => {
    throw new Error("It connects");
  };
  for (const getCookies of [fail, () => Promise.reject(thrown)]) {
    const jar: CookieJar = { getCookies, setCookies: () => {} };
    const error = await new Dialer({ jar, netDial }).dial("ws://a/")
      .catch((error) => error);
    assertStrictEquals(error, thrown);
  }
  for (const setCookies of [fail, () => Promise.reject(thrown)]) {
    const jar: CookieJar = { getCookies: () => "", setCookies };
    await withServer(setting([]), async (url) => {
      const error = await new Dialer({ jar }).dial(url)
        .catch((error) => error);
      assertStrictEquals(error, thrown);
    });
  }
});

test("Dialer.dial() refuses a jar's cookies that would split the head", async () => {
  const netDial = () => {
    throw new Error("It connects");
  };
  for (const cookies of ["a=1\r\nX: y", "a\0", 1]) {
    const jar = { getCookies: () => cookies as string, setCookies: () => {} };
    const dialer = new Dialer({ jar, netDial });
    await assertRejects(() => dialer.dial("ws://a/"), TypeError, "the jar's");
  }
});

test("Dialer.dial() gives up a jar that takes too long", async () => {
  const controller = new AbortController();
  const asked = deferred();
  const jar: CookieJar = {
    getCookies() {
      asked.resolve();
      return new Promise(() => {});
    },
    setCookies: () => {},
  };
  const late = await new Dialer({ jar, handshakeTimeout: 10 })
    .dial("ws://a/").catch((error) => error);
  assertInstanceOf(late, DOMException);
  assertEquals(late.name, "TimeoutError");
  const dialed = new Dialer({ jar })
    .dial("ws://a/", { signal: controller.signal }).catch((error) => error);
  await asked.promise;
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await dialed, reason);
});

test("Dialer.dial() asks no jar if the headers may not be sent", async () => {
  let asked = false;
  const jar: CookieJar = {
    getCookies() {
      asked = true;
      return "";
    },
    setCookies: () => {},
  };
  await assertRejects(
    () => new Dialer({ jar }).dial("ws://a/", { headers: { Upgrade: "b" } }),
    TypeError,
    "duplicate header not allowed",
  );
  assertEquals(asked, false);
});

test("Dialer.dial() keeps its URL, whatever the proxy function does to it", async () => {
  const jar = new MemoryCookieJar();
  const dialer = new Dialer({
    jar,
    proxy(url) {
      url.hostname = "other.example";
      return undefined;
    },
  });
  await withServer(setting([], "a=1"), async (url) => {
    await dialOnce(dialer, url);
    assertEquals(jar.getCookies(new URL(url)), "a=1");
  });
});

test("Dialer refuses a jar that is none", () => {
  for (const jar of [null, 1, {}, { getCookies: () => "" }, new Map()]) {
    assertThrows(
      () => new Dialer({ jar: jar as unknown as CookieJar }),
      TypeError,
      "Cannot use jar",
    );
  }
});
