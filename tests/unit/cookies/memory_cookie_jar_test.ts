import { assertEquals } from "@std/assert";
import { MemoryCookieJar } from "../../../src/cookies/memory_cookie_jar.ts";
import { test } from "../../support/helper.ts";

/** Takes the cookies of an answer to a dial of the URL. */
function set(jar: MemoryCookieJar, url: string, ...cookies: string[]): void {
  const headers = new Headers({ Cookie: "no=1", "X-Other": "no=1" });
  for (const cookie of cookies) headers.append("Set-Cookie", cookie);
  jar.setCookies(new URL(url), headers);
}

function get(jar: MemoryCookieJar, url: string): string {
  return jar.getCookies(new URL(url));
}

function jarOf(url: string, ...cookies: string[]): MemoryCookieJar {
  const jar = new MemoryCookieJar();
  set(jar, url, ...cookies);
  return jar;
}

/** Runs with the clock of Date at the milliseconds that the function sets. */
function withClock(fn: (setTime: (ms: number) => void) => void): void {
  const { now } = Date;
  try {
    fn((ms) => Date.now = () => ms);
  } finally {
    Date.now = now;
  }
}

const SCOPES: [
  name: string,
  from: string,
  cookie: string,
  sentTo: string[],
  notSentTo: string[],
][] = [
  [
    "takes a host with a dot at its end for the same host",
    "ws://example.com./",
    "a=1",
    ["ws://example.com/", "ws://example.com./"],
    ["ws://www.example.com./", "ws://com./"],
  ],
  [
    "sends a domain's cookie to hosts with a dot at their end",
    "ws://www.example.com./",
    "a=1; Domain=example.com",
    ["ws://example.com/", "ws://a.example.com./"],
    ["ws://other.com./", "ws://com./"],
  ],
  ...[
    ["ws://example.com./", "com."],
    ["ws://example.com/", "com."],
    ["ws://example.com./", ".com."],
    ["ws://example.com./", "COM."],
    ["ws://example.com./", "com"],
    ["ws://example.com./", "example.com."],
    ["ws://example.com./", "..com"],
    ["ws://example..com/", "..com"],
    ["ws://example..com/", ".com"],
    ["ws://example.com../", "com.."],
    ["ws://127.0.0.1/", "0.1"],
    ["ws://127.0.0.1./", "1."],
    ["ws://[::1]/", "1]"],
    ["ws://localhost./", "."],
  ].map(([from = "", domain = ""]): typeof SCOPES[number] => [
    `keeps a cookie of ${from} for ${domain} from other hosts`,
    from,
    `a=1; Domain=${domain}`,
    [],
    [
      "ws://other.com./",
      "ws://other.com/",
      "ws://other..com/",
      "ws://other.com../",
      "ws://com./",
      "ws://com/",
      "ws://10.0.0.1/",
      "ws://[::2]/",
      "ws://other./",
    ],
  ]),
  [
    "sends a cookie without a domain to its host alone",
    "ws://example.com/",
    "a=1",
    ["ws://example.com/", "ws://example.com:81/", "wss://EXAMPLE.com/x"],
    ["ws://www.example.com/", "ws://com/", "ws://example.org/"],
  ],
  [
    "sends a domain's cookie to the hosts in it",
    "ws://www.example.com/",
    "a=1; Domain=.example.com",
    ["ws://example.com/", "ws://a.b.example.com/"],
    ["ws://badexample.com/", "ws://example.com.evil/", "ws://com/"],
  ],
  [
    "refuses another host's domain",
    "ws://www.example.com/",
    "a=1; Domain=other.com",
    [],
    ["ws://www.example.com/", "ws://other.com/"],
  ],
  [
    "refuses a domain below the host",
    "ws://example.com/",
    "a=1; Domain=www.example.com",
    [],
    ["ws://www.example.com/", "ws://example.com/"],
  ],
  [
    "refuses a top-level domain",
    "ws://example.com/",
    "a=1; Domain=com",
    [],
    ["ws://example.com/", "ws://com/", "ws://other.com/"],
  ],
  [
    "takes a domain that is the host itself, without a dot, as the host's",
    "ws://localhost/",
    "a=1; Domain=localhost",
    ["ws://localhost/"],
    ["ws://a.localhost/"],
  ],
  [
    "keeps an address's cookies for the address",
    "ws://192.0.2.1/",
    "a=1; Domain=192.0.2.1",
    ["ws://192.0.2.1/"],
    ["ws://192.0.2.2/", "ws://2.1/"],
  ],
  [
    "refuses a part of an address as a domain",
    "ws://192.0.2.1/",
    "a=1; Domain=2.1",
    [],
    ["ws://192.0.2.1/", "ws://192.1.2.1/"],
  ],
  [
    "keeps the cookies of an IPv6 address",
    "ws://[::1]/",
    "a=1",
    ["ws://[::1]:99/", "ws://[0::1]/"],
    ["ws://[::2]/"],
  ],
  [
    "sends a cookie without a path to the folder it came from",
    "ws://example.com/a/b?c",
    "a=1",
    ["ws://example.com/a", "ws://example.com/a/x/y", "ws://example.com/a?q"],
    ["ws://example.com/", "ws://example.com/ab"],
  ],
  [
    "sends a path's cookie to what lies under it",
    "ws://example.com/other",
    "a=1; Path=/a/",
    ["ws://example.com/a/", "ws://example.com/a/b"],
    ["ws://example.com/a", "ws://example.com/other"],
  ],
  [
    "sends a secure cookie over TLS alone",
    "wss://example.com/",
    "a=1; Secure",
    ["wss://example.com/", "https://example.com/"],
    ["ws://example.com/", "http://example.com/"],
  ],
  [
    "refuses a secure cookie that came without TLS",
    "ws://example.com/",
    "a=1; Secure",
    [],
    ["ws://example.com/", "wss://example.com/"],
  ],
  [
    "refuses __Secure- without Secure",
    "wss://example.com/",
    "__Secure-a=1",
    [],
    ["wss://example.com/"],
  ],
  [
    "refuses __Host- with a domain",
    "wss://example.com/",
    "__host-a=1; Secure; Path=/; Domain=example.com",
    [],
    ["wss://example.com/"],
  ],
  [
    "refuses __Host- with another path",
    "wss://example.com/a/",
    "__Host-a=1; Secure",
    [],
    ["wss://example.com/a/"],
  ],
];

for (const [name, from, cookie, sentTo, notSentTo] of SCOPES) {
  test(`MemoryCookieJar ${name}`, () => {
    const jar = jarOf(from, cookie);
    for (const url of sentTo) assertEquals(get(jar, url), "a=1", url);
    for (const url of notSentTo) assertEquals(get(jar, url), "", url);
  });
}

test("MemoryCookieJar takes the prefixed names that keep their promise", () => {
  const jar = jarOf(
    "wss://example.com/a/b",
    "__Secure-a=1; Secure",
    "__Host-b=2; Secure; Path=/",
  );
  assertEquals(get(jar, "wss://example.com/a/b"), "__Secure-a=1; __Host-b=2");
});

test("MemoryCookieJar sends longer paths first, then older cookies", () => {
  const jar = jarOf(
    "ws://a.example.com/x/y/z",
    "a=1; Path=/",
    "b=2; Path=/x/y",
    "c=3; Path=/; Domain=example.com",
    "d=4; Path=/x",
    "e=5; Path=/x/y",
  );
  // A new value does not make it younger.
  set(jar, "ws://a.example.com/", "a=6; Path=/", "b=7; Path=/x/y");
  assertEquals(
    get(jar, "ws://a.example.com/x/y/z"),
    "b=7; e=5; d=4; a=6; c=3",
  );
});

test("MemoryCookieJar keeps cookies apart by name, domain and path", () => {
  const jar = jarOf(
    "ws://a.example.com/",
    "a=1",
    "A=2",
    "a=3; Domain=example.com",
    "a=4; Path=/x",
    "__proto__=5",
    "constructor=6",
  );
  assertEquals(
    get(jar, "ws://a.example.com/x"),
    "a=4; a=1; A=2; a=3; __proto__=5; constructor=6",
  );
});

test("MemoryCookieJar forgets what has expired", () => {
  withClock((setTime) => {
    setTime(Date.UTC(2030, 0, 1));
    const jar = jarOf(
      "ws://example.com/",
      "a=1; Max-Age=10",
      "b=2; Expires=Tue, 01 Jan 2030 00:00:20 GMT",
      "c=3",
      "d=4; Max-Age=0",
      "e=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    );
    assertEquals(get(jar, "ws://example.com/"), "a=1; b=2; c=3");
    setTime(Date.UTC(2030, 0, 1, 0, 0, 9, 999));
    assertEquals(get(jar, "ws://example.com/"), "a=1; b=2; c=3");
    setTime(Date.UTC(2030, 0, 1, 0, 0, 10));
    assertEquals(get(jar, "ws://example.com/"), "b=2; c=3");
    setTime(Date.UTC(2030, 0, 1, 0, 0, 20));
    assertEquals(get(jar, "ws://example.com/"), "c=3");
    set(jar, "ws://example.com/", "c=; Max-Age=-1");
    assertEquals(get(jar, "ws://example.com/"), "");
  });
});

test("MemoryCookieJar lets no cookie without TLS hide a secure one", () => {
  const jar = jarOf(
    "wss://a.example.com/",
    "a=1; Secure; Path=/x",
    "b=2; Secure; Domain=example.com",
  );
  set(
    jar,
    "ws://a.example.com/",
    "a=evil; Path=/x/y",
    "a=evil; Path=/x; Domain=example.com",
    "b=evil; Max-Age=0; Domain=example.com",
    "b=evil",
  );
  assertEquals(get(jar, "wss://a.example.com/x/y"), "a=1; b=2");
  set(jar, "ws://a.example.com/", "a=other", "c=3");
  assertEquals(get(jar, "wss://a.example.com/x"), "a=1; b=2; a=other; c=3");
  set(jar, "ws://b.example.org/", "a=4");
  assertEquals(get(jar, "ws://b.example.org/"), "a=4");
});

test("MemoryCookieJar keeps 50 cookies of a domain, those used last", () => {
  const jar = jarOf("ws://other.com/", "a=1");
  for (let i = 0; i < 50; i++) {
    set(jar, "ws://example.com/", `c${i}=1; Path=/${i === 3 ? "x" : "y"}`);
  }
  assertEquals(get(jar, "ws://example.com/x"), "c3=1");
  set(jar, "ws://example.com/", "new=1; Path=/y");
  const names = get(jar, "ws://example.com/y").split("; ");
  assertEquals(names.length, 49);
  assertEquals(names.includes("c0=1"), false);
  assertEquals(names.at(-1), "new=1");
  assertEquals(get(jar, "ws://example.com/x"), "c3=1");
  assertEquals(get(jar, "ws://other.com/"), "a=1");
});

test("MemoryCookieJar drops what has expired before what is used", () => {
  withClock((setTime) => {
    setTime(0);
    const jar = jarOf("ws://example.com/", "first=1");
    for (let i = 0; i < 49; i++) {
      set(jar, "ws://example.com/", `c${i}=1; Max-Age=${i === 5 ? 1 : 9}`);
    }
    setTime(1000);
    set(jar, "ws://example.com/", "new=1");
    const names = get(jar, "ws://example.com/").split("; ");
    assertEquals(names.length, 50);
    assertEquals([names[0], names.at(-1)], ["first=1", "new=1"]);
    assertEquals(names.includes("c5=1"), false);
  });
});

test("MemoryCookieJar keeps 3000 cookies, those used last", () => {
  const jar = new MemoryCookieJar();
  for (let i = 0; i < 3000; i++) set(jar, `ws://h${i}.example/`, "a=1");
  assertEquals(get(jar, "ws://h0.example/"), "a=1");
  set(jar, "ws://new.example/", "a=1");
  assertEquals(get(jar, "ws://h0.example/"), "a=1");
  assertEquals(get(jar, "ws://h1.example/"), "");
  assertEquals(get(jar, "ws://h2.example/"), "a=1");
  assertEquals(get(jar, "ws://new.example/"), "a=1");
});

test("MemoryCookieJar counts what it keeps, not what it has seen", () => {
  const jar = jarOf("ws://first.example/", "a=1");
  for (let i = 0; i < 3100; i++) {
    const url = `ws://h${i % 9}.example/`;
    set(jar, url, "a=1", "a=2", ...i % 2 === 0 ? ["a=; Max-Age=0"] : []);
  }
  assertEquals(get(jar, "ws://first.example/"), "a=1");
});

test("MemoryCookieJar has no cookies for unix sockets", () => {
  const jar = jarOf("ws+unix:/run/a.sock:/", "a=1");
  assertEquals(get(jar, "ws+unix:/run/a.sock:/"), "");
});

test("MemoryCookieJar takes the first 256 cookies of an answer", () => {
  const same = Array.from({ length: 255 }, (_, i) => `a=${i}`);
  const jar = jarOf("ws://example.com/", ...same, "b=1", "c=1");
  assertEquals(get(jar, "ws://example.com/"), "a=254; b=1");
});
