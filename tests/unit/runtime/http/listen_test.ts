import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { connectRaw, head } from "../../../support/http_server.ts";
import {
  type Place,
  portOf,
  serveAt,
  WIRE_PLACES,
} from "../../../support/servers.ts";
import type { RawPeer } from "../../../../src/testing/raw_peer.ts";
import type { ServeOptions, Server } from "../../../../src/server/serve.ts";
import { deferred, test } from "../../../support/helper.ts";
import { isPending, turn, until } from "../../../suite/fixture.ts";

const MiB = 2 ** 20;

/** A test with a server whose requests go to `fetch`, and a peer of it. */
function onWire(
  name: string,
  fetch: NonNullable<ServeOptions["fetch"]>,
  fn: (peer: RawPeer, server: Server, place: Place) => Promise<void>,
  options: ServeOptions = {},
): void {
  for (const place of WIRE_PLACES) {
    test(`${name}; ${place.name}`, async () => {
      await using server = await serveAt(place, () => {}, {
        fetch,
        ...options,
      });
      const peer = await connectRaw(place.carrier, portOf(server));
      try {
        await fn(peer, server, place);
      } finally {
        peer.destroy();
        await peer.closed;
      }
    });
  }
}

const ANSWER = () => new Response("Hello");

onWire(
  "fetch gets method, URL, headers and body",
  async (request) =>
    Response.json({
      method: request.method,
      url: request.url,
      app: request.headers.get("x-app"),
      body: await request.text(),
    }),
  async (peer, _server, { carrier }) => {
    peer.send(
      head(
        "PUT /a%20b?c=d HTTP/1.1",
        "Host: example.com:81",
        "X-App: one",
        "x-app: two",
        "Content-Length: 5",
      ) + "Hello",
    );
    await peer.readHead();
    assertEquals(JSON.parse(await chunk(peer)), {
      method: "PUT",
      url: `${carrier === "TCP" ? "http" : "https"}://example.com:81/a%20b?c=d`,
      app: "one, two",
      body: "Hello",
    });
  },
);

onWire(
  "fetch gets the path of an absolute target, and the Host's host",
  (request) => new Response(request.url),
  async (peer) => {
    peer.send(head("GET http://evil.example/a HTTP/1.1", "Host: localhost"));
    await peer.readHead();
    const url = await chunk(peer);
    assert(/^https?:\/\/localhost\/a$/.test(url), url);
  },
);

let asked = 0;
onWire("a malformed request is answered 400", () => {
  asked++;
  return new Response();
}, async (peer, server, { carrier }) => {
  peer.send("");
  asked = 0;
  for (
    const request of [
      head("GET http://[ HTTP/1.1", "Host: a"),
      head("GET /a#b HTTP/1.1", "Host: a"),
      head("GET / HTTP/1.1"),
      head("GET / HTTP/1.1", "Host: a", "Host: b"),
      head("GET / HTTP/1.1", "Host: a/b"),
      head("GET / HTTP/1.1", "Host: a@b"),
      head("GET / HTTP/1.1", "Host: a:b"),
      head("GET / HTTP/1.1", "Host: "),
      head("TRACE / HTTP/1.1", "Host: a"),
      head("OPTIONS * HTTP/1.1", "Host: a"),
    ]
  ) {
    const other = await connectRaw(carrier, portOf(server));
    other.send(request);
    assertStringIncludes(await other.readHead(), "HTTP/1.1 400 ", request);
    other.destroy();
    await other.closed;
  }
  assertEquals(asked, 0);
});

onWire("HTTP/1.0 without Host is answered", ANSWER, async (peer) => {
  peer.send(head("GET / HTTP/1.0"));
  assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
  const rest = new TextDecoder().decode(await peer.readRest());
  assertEquals(rest, "Hello");
});

onWire(
  "the answer keeps status, text, headers and each Set-Cookie",
  () =>
    new Response("Hello", {
      status: 299,
      statusText: "So So",
      headers: [
        ["X-App", "one"],
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2; Path=/"],
        ["Content-Length", "5"],
      ],
    }),
  async (peer) => {
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    const answer = await peer.readHead();
    assert(answer.startsWith("HTTP/1.1 299 So So\r\n"), answer);
    assertStringIncludes(answer.toLowerCase(), "\r\nx-app: one\r\n");
    assertEquals(answer.match(/set-cookie: .*/gi)!.map((l) => l.slice(12)), [
      "a=1",
      "b=2; Path=/",
    ]);
    assertEquals(await peer.readBytes(5), new TextEncoder().encode("Hello"));
  },
);

let cancelled: string[] = [];
onWire(
  "HEAD, 204 and 304 have no body, and the connection goes on",
  (request) => {
    const { pathname } = new URL(request.url);
    const status = Number(pathname.slice(1));
    if (status !== 200) return new Response(null, { status });
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1)),
      cancel: () => void cancelled.push(request.method),
    });
    return new Response(body, { headers: { "Content-Length": "5" } });
  },
  async (peer) => {
    cancelled = [];
    for (
      const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 304]]
    ) {
      peer.send(head(`${method} /${status} HTTP/1.1`, "Host: a"));
      assertStringIncludes(await peer.readHead(), `HTTP/1.1 ${status} `);
      for (let i = 0; i < 5; i++) await turn();
      assertEquals(peer.buffered, 0);
    }
    assertEquals(cancelled, ["HEAD"]);
  },
);

const reported: string[] = [];
const failures: (() => Response | Promise<Response>)[] = [
  () => {
    throw new Error("secret");
  },
  () => Promise.reject(new Error("secret")),
  () => "text" as unknown as Response,
  () => Response.error(),
  () => {
    const response = new Response("secret");
    response.text();
    return response;
  },
];
onWire("what fetch does wrong is answered 500 without detail", () => {
  const failure = failures.shift()!;
  failures.push(failure);
  return failure();
}, async (peer) => {
  reported.length = 0;
  for (let i = 0; i < failures.length; i++) {
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    const answer = await peer.readHead();
    assertStringIncludes(answer, "HTTP/1.1 500 Internal Server Error\r\n");
    const length = /content-length: (\d+)/i.exec(answer)?.[1];
    const body = await peer.readBytes(Number(length));
    assertEquals(new TextDecoder().decode(body), "Internal Server Error\n");
  }
  assertEquals(reported.length, failures.length);
}, { onError: (error) => void reported.push(String(error)) });

onWire(
  "a body that fails in the midst cuts the connection",
  () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array([65]));
          await turn();
          await turn();
          controller.error(new Error("of the body"));
        },
      }),
    ),
  async (peer) => {
    reported.length = 0;
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    const answer = new TextDecoder().decode(await peer.readRest());
    // Without its last chunk nobody takes it for a whole.
    assert(!answer.endsWith("0\r\n\r\n"), answer);
    assertEquals(reported, ["Error: of the body"]);
  },
  { onError: (error) => void reported.push(String(error)) },
);

let failBody: (error: Error) => void;
let cutOff: Promise<unknown>;
onWire(
  "a body that fails cuts a client that reads nothing",
  (request) => {
    cutOff = new Promise((resolve) =>
      request.signal.addEventListener("abort", resolve)
    );
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(32 * MiB));
          failBody = (error) => controller.error(error);
        },
      }),
    );
  },
  async (peer) => {
    reported.length = 0;
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    await peer.readHead();
    peer.pause();
    assert(await isPending(cutOff));
    failBody(new Error("of the body"));
    await cutOff;
    assertEquals(reported, ["Error: of the body"]);
  },
  { onError: (error) => void reported.push(String(error)) },
);

const silent = deferred();
onWire(
  "the head goes out before a body that takes its time",
  () => new Response(new ReadableStream({ pull: () => silent.promise })),
  async (peer) => {
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
  },
  { onError: () => {} },
);

let aborted: Promise<unknown> = Promise.resolve();
let bodyCancelled = deferred<unknown>();
onWire(
  "request.signal is aborted and the body cancelled when the client goes",
  (request) => {
    aborted = new Promise((resolve) =>
      request.signal.addEventListener("abort", resolve)
    );
    const { promise } = deferred();
    return new URL(request.url).pathname === "/pending"
      ? promise as unknown as Promise<Response>
      : new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(1)),
          cancel: (reason) => bodyCancelled.resolve(reason),
        }),
      );
  },
  async (peer, server, { carrier }) => {
    bodyCancelled = deferred();
    peer.send(head("GET /stream HTTP/1.1", "Host: a"));
    await peer.readHead();
    peer.destroy();
    await aborted;
    await bodyCancelled.promise;

    aborted = Promise.resolve();
    const before = aborted;
    const pending = await connectRaw(carrier, portOf(server));
    pending.send(head("GET /pending HTTP/1.1", "Host: a"));
    await until(() => aborted !== before, "the request");
    pending.reset();
    await aborted;
    await pending.closed;
  },
);

onWire("a body for a client that has gone is cancelled", async (request) => {
  const { promise, resolve } = deferred();
  request.signal.addEventListener("abort", () => resolve());
  upload.resolve(undefined);
  await promise;
  return new Response(
    new ReadableStream({ cancel: (reason) => bodyCancelled.resolve(reason) }),
  );
}, async (peer) => {
  bodyCancelled = deferred();
  upload = deferred();
  peer.send(head("GET / HTTP/1.1", "Host: a"));
  await upload.promise;
  peer.reset();
  await bodyCancelled.promise;
});

let upload = deferred<unknown>();
onWire("a request's body fails when the client goes", async (request) => {
  upload.resolve(await request.text().catch((error) => error));
  return new Response();
}, async (peer) => {
  upload = deferred();
  peer.send(
    head("POST / HTTP/1.1", "Host: a", "Content-Length: 10") + "Hello",
  );
  for (let i = 0; i < 10; i++) await turn();
  peer.destroy();
  assert(await upload.promise instanceof Error);
});

onWire("an answered request is not aborted", (request) => {
  aborted = new Promise((resolve) =>
    request.signal.addEventListener("abort", () => resolve("aborted"))
  );
  return new Response(null, { status: 204 });
}, async (peer) => {
  peer.send(head("GET / HTTP/1.1", "Host: a"));
  await peer.readHead();
  assert(await isPending(aborted));
});

let read: ReadableStreamDefaultReader<Uint8Array> | undefined;
let finish = deferred();
onWire(
  "a request's body that is not read stops the client",
  async (request) => {
    read = request.body!.getReader();
    await finish.promise;
    let total = 0;
    for (;;) {
      const { done, value } = await read.read();
      if (done) return new Response(`${total}`);
      total += value.length;
    }
  },
  async (peer) => {
    read = undefined;
    finish = deferred();
    const size = 64 * MiB;
    peer.send(head("POST / HTTP/1.1", "Host: a", `Content-Length: ${size}`));
    const part = new Uint8Array(MiB);
    let sent = 0;
    let last = Promise.resolve();
    for (let i = 0; i < size; i += MiB) {
      last = peer.send(part).then(() => void (sent += MiB));
    }
    await until(() => read !== undefined, "the request");
    assert(await settled(() => sent) < 32 * MiB, `${sent} bytes were taken`);
    finish.resolve();
    await last;
    await peer.readHead();
    assertEquals(await chunk(peer), `${size}`);
  },
);

let pulled = 0;
onWire(
  "an answer's body is not pulled faster than the client reads",
  () =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          if (pulled === 64 * MiB) return controller.close();
          pulled += MiB;
          controller.enqueue(new Uint8Array(MiB));
        },
      }),
      { headers: { "Content-Length": `${64 * MiB}` } },
    ),
  async (peer) => {
    pulled = 0;
    peer.pause();
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    await until(() => pulled > 0, "the body");
    assert(
      await settled(() => pulled) < 32 * MiB,
      `${pulled} bytes were pulled`,
    );
    peer.resume();
    await peer.readHead();
    for (let i = 0; i < 64; i++) await peer.readBytes(MiB);
  },
);

for (const how of ["left alone", "read in part", "cancelled"]) {
  onWire(
    `a request behind a body that is ${how} is answered`,
    async (request) => {
      if (how === "read in part") await request.body?.getReader().read();
      if (how === "cancelled") await request.body?.cancel();
      return new Response("Hello", { headers: { "Content-Length": "5" } });
    },
    async (peer) => {
      const size = 300_000;
      peer.send(head("POST / HTTP/1.1", "Host: a", `Content-Length: ${size}`));
      peer.send(new Uint8Array(size));
      peer.send(head("GET / HTTP/1.1", "Host: a"));
      for (let i = 0; i < 2; i++) {
        assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
        await peer.readBytes(5);
      }
    },
  );
}

onWire("garbage behind a request does not get into its answer", async () => {
  await finish.promise;
  return new Response("Hello");
}, async (peer) => {
  finish = deferred();
  peer.send(head("GET / HTTP/1.1", "Host: a") + "\0garbage\r\n\r\n");
  for (let i = 0; i < 10; i++) await turn();
  finish.resolve();
  const rest = new TextDecoder().decode(await peer.readRest());
  assert(!rest.includes(" 400 ") || !rest.includes(" 200 "), rest);
});

const LENGTHS: readonly [length: string, body: string | null][] = [
  ["5", "Hello, you"],
  ["50", "Hello"],
  ["5", null],
  ["five", "Hello"],
  ["5, 5", "Hello"],
];
let wrong = LENGTHS[0]!;
onWire(
  "an answer of another length than its Content-Length cuts the connection",
  (request) => {
    if (new URL(request.url).pathname === "/next") return new Response("next");
    const [length, body] = wrong;
    return new Response(body, { headers: { "Content-Length": length } });
  },
  async (_peer, server, { carrier }) => {
    for (wrong of LENGTHS) {
      reported.length = 0;
      const peer = await connectRaw(carrier, portOf(server));
      peer.send(
        head("GET / HTTP/1.1", "Host: a") +
          head("GET /next HTTP/1.1", "Host: a", "Connection: close"),
      );
      const answer = new TextDecoder().decode(await peer.readRest());
      peer.destroy();
      await peer.closed;
      assertEquals(reported.length, 1, answer);
      assertStringIncludes(reported[0]!, "TypeError: Cannot send Response");
      // What the client would take for the second answer is none of ours.
      const [first = "", second = ""] = answer.split("\r\n\r\n");
      assert(!second.startsWith("Hello, you"), answer);
      if (first.startsWith("HTTP/1.1 200 ")) {
        assert(!answer.includes("next"), answer);
      }
    }
  },
  { onError: (error) => void reported.push(String(error)) },
);

onWire(
  "an answer's own Transfer-Encoding does not frame it",
  () =>
    new Response("Hello", {
      headers: { "Transfer-Encoding": "gzip", "Content-Length": "5" },
    }),
  async (peer) => {
    for (let i = 0; i < 2; i++) {
      peer.send(head("GET / HTTP/1.1", "Host: a"));
      const answer = (await peer.readHead()).toLowerCase();
      assert(!answer.includes("transfer-encoding"), answer);
      const body = await peer.readBytes(5);
      assertEquals(new TextDecoder().decode(body), "Hello");
    }
  },
);

onWire(
  "the body of a GET that nobody can read stops the client",
  async () => {
    arrived.resolve();
    await finish.promise;
    return new Response("Hello");
  },
  async (peer) => {
    arrived = deferred();
    finish = deferred();
    const size = 64 * MiB;
    peer.send(head("GET / HTTP/1.1", "Host: a", `Content-Length: ${size}`));
    await arrived.promise;
    let sent = 0;
    let last = Promise.resolve();
    for (let i = 0; i < size; i += MiB) {
      last = peer.send(new Uint8Array(MiB)).then(() => void (sent += MiB));
    }
    assert(await settled(() => sent) < 32 * MiB, `${sent} bytes were taken`);
    finish.resolve();
    assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
    assertEquals(await chunk(peer), "Hello");
    await last;
  },
);

let arrived = deferred();
let calls = 0;
onWire(
  "a client that pipelines without end is cut",
  () => {
    calls++;
    return new Promise(() => {});
  },
  async (peer, server, { carrier }) => {
    calls = 0;
    const block = head("GET / HTTP/1.1", "Host: a").repeat(500);
    for (let i = 0; i < 20; i++) peer.send(block);
    await peer.ended;
    assert(calls > 0 && calls <= 64, `${calls} requests are under way`);
    const other = await connectRaw(carrier, portOf(server));
    other.send(head("GET / HTTP/1.1", "Host: a"));
    const before = calls;
    await until(() => calls > before, "another client's request");
    other.destroy();
    await other.closed;
  },
);

onWire("a client may pipeline 64 requests", () =>
  new Response("Hello", {
    headers: { "Content-Length": "5" },
  }), async (peer) => {
  peer.send(head("GET / HTTP/1.1", "Host: a").repeat(64));
  for (let i = 0; i < 64; i++) {
    assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
    await peer.readBytes(5);
  }
});

let gone = 0;
onWire(
  "each of the requests that a client has pipelined ends when it goes",
  (request) => {
    calls++;
    request.signal.addEventListener("abort", () => gone++);
    return new Response(new ReadableStream({ cancel: () => void gone++ }));
  },
  async (peer) => {
    calls = gone = 0;
    peer.send(head("GET / HTTP/1.1", "Host: a").repeat(3));
    await until(() => calls === 3, "all requests");
    peer.destroy();
    await until(() => gone === 6, "the end of each request and body");
  },
);

for (const count of [999, 1000, 1500]) {
  onWire(
    `a request of ${count} headers is read whole or not at all`,
    (request) => new Response(`last: ${request.headers.get("last")}`),
    async (peer) => {
      const many = Array(count - 2).fill("a: b");
      peer.send(head("GET / HTTP/1.1", "Host: a", ...many, "Last: z"));
      const status = Number((await peer.readHead()).slice(9, 12));
      if (status === 200) assertEquals(await chunk(peer), "last: z");
      else assert(status === 400 || status === 431, `${status}`);
    },
  );
}

onWire("a request behind a refused one with a body is answered", () => {
  return new Response("Hello", { headers: { "Content-Length": "5" } });
}, async (peer) => {
  for (const method of ["GET", "POST"]) {
    peer.send(
      head(`${method} / HTTP/1.1`, "Host: a:b:c", "Content-Length: 3"),
    );
    peer.send("abc");
    const answer = await peer.readHead();
    assertStringIncludes(answer, "HTTP/1.1 400 ");
    const length = /content-length: (\d+)/i.exec(answer)?.[1];
    await peer.readBytes(Number(length));
    peer.send(head("GET / HTTP/1.1", "Host: a"));
    assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
    await peer.readBytes(5);
  }
});

onWire(
  "a small body that is left alone does not stop the connection",
  () => new Response("Hello", { headers: { "Content-Length": "5" } }),
  async (peer) => {
    for (let i = 0; i < 3; i++) {
      peer.send(head("POST / HTTP/1.1", "Host: a", "Content-Length: 3"));
      peer.send("abc");
      assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 ");
      await peer.readBytes(5);
    }
  },
);

const OTHER_UPGRADES: readonly string[][] = [
  ["Connection: Upgrade", "Upgrade: h2c"],
  [
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
  ],
  ["Connection: keep-alive, Upgrade", "Upgrade: TLS/1.0, h2c"],
  ["Connection: Upgrade", "Upgrade: h2c", "Upgrade: foo"],
  ["Upgrade: h2c"],
  ["Upgrade: websocket"],
  ["Connection: keep-alive", "Upgrade: websocket"],
];
const UPGRADE_BODIES: readonly [lines: string[], body: string][] = [
  [[], ""],
  [["Content-Length: 3"], "abc"],
  [["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n"],
];
onWire(
  "a request for another upgrade is the last of its connection",
  async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/throws") throw new Error("of fetch");
    return new Response(`${pathname} ${await request.text()}`);
  },
  async (_peer, server, { carrier }) => {
    for (const target of ["/first", "/throws", "/#refused"]) {
      for (const lines of OTHER_UPGRADES) {
        for (const [more, body] of UPGRADE_BODIES) {
          const peer = await connectRaw(carrier, portOf(server));
          peer.send(
            head(`POST ${target} HTTP/1.1`, "Host: a", ...lines, ...more) +
              body + head("GET /second HTTP/1.1", "Host: a"),
          );
          const answer = new TextDecoder().decode(await peer.readRest());
          // That the second is not answered is said, so that it is asked again.
          assert(/^connection: close\r$/im.test(answer), answer);
          assert(!answer.includes("/second"), answer);
          peer.destroy();
          await peer.closed;
        }
      }
    }
  },
  { onError: () => {} },
);

onWire(
  "requests behind HTTP2-Settings or a lone Connection: Upgrade are answered",
  (request) => new Response(new URL(request.url).pathname),
  async (_peer, server, { carrier }) => {
    for (
      const line of [
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Connection: Upgrade",
      ]
    ) {
      const peer = await connectRaw(carrier, portOf(server));
      peer.send(
        head("GET /first HTTP/1.1", "Host: a", line) +
          head("GET /second HTTP/1.1", "Host: a", "Connection: close"),
      );
      const answer = new TextDecoder().decode(await peer.readRest());
      assertStringIncludes(answer, "/first");
      assertStringIncludes(answer, "/second");
      peer.destroy();
      await peer.closed;
    }
  },
);

onWire(
  "requests that expect what nobody gives are refused, and counted",
  () => new Promise(() => {}),
  async (_peer, server, { carrier }) => {
    const expecting = head("GET / HTTP/1.1", "Host: a", "Expect: more");
    const one = await connectRaw(carrier, portOf(server));
    one.send(expecting);
    assertStringIncludes(await one.readHead(), "HTTP/1.1 417 ");
    const many = await connectRaw(carrier, portOf(server));
    many.send(head("GET / HTTP/1.1", "Host: a") + expecting.repeat(64));
    await many.ended;
    for (const peer of [one, many]) {
      peer.destroy();
      await peer.closed;
    }
  },
);

/** What a number comes to when it has not changed for many turns. */
async function settled(value: () => number): Promise<number> {
  for (let before = -1; before !== value();) {
    before = value();
    for (let i = 0; i < 50; i++) await turn();
  }
  return value();
}

/** A whole chunk of a chunked body. */
async function chunk(peer: RawPeer): Promise<string> {
  let size = "";
  while (!size.endsWith("\r\n")) {
    size += String.fromCharCode((await peer.readBytes(1))[0]!);
  }
  const bytes = await peer.readBytes(parseInt(size, 16));
  return new TextDecoder().decode(bytes);
}
