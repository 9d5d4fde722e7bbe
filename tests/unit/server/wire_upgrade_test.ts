import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import {
  answerOf,
  assertAlive,
  concat,
  connectRaw,
  gone,
  head,
  onBoth,
  startHttp,
  text,
  UPGRADE,
  upgrade,
  upgradeBut,
} from "../../support/http_server.ts";
import { maskedFrame } from "../../support/raw_peer.ts";
import { deferred, hex, test } from "../../support/helper.ts";
import { turn, until } from "../../suite/fixture.ts";

const BAD_REQUESTS: readonly [what: string, request: string, status: number][] =
  [
    [
      "no Connection token",
      upgradeBut("Conn", "Connection: Upgrade, x y"),
      101,
    ],
    ["another Upgrade", upgradeBut("Upgrade", "Upgrade: h2c"), 426],
    ["POST", head("POST / HTTP/1.1", ...UPGRADE.slice(1)), 405],
    ["no version", upgradeBut("Sec-WebSocket-V"), 400],
    [
      "another version",
      upgradeBut("Sec-WebSocket-V", "Sec-WebSocket-Version: 8"),
      400,
    ],
    [
      "another origin",
      head(...UPGRADE, "Origin: http://evil.example"),
      403,
    ],
    ["the null origin", head(...UPGRADE, "Origin: null"), 403],
    [
      "origin before key",
      upgradeBut("Sec-WebSocket-K", "Origin: http://evil.example"),
      403,
    ],
    ["no key", upgradeBut("Sec-WebSocket-K"), 400],
    [
      "a short key",
      upgradeBut("Sec-WebSocket-K", "Sec-WebSocket-Key: abcd"),
      400,
    ],
    [
      "malformed extensions",
      head(...UPGRADE, 'Sec-WebSocket-Extensions: a;b="\\'),
      101,
    ],
    [
      "a key whose unused bits are not zero",
      upgradeBut(
        "Sec-WebSocket-K",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZf==",
      ),
      101,
    ],
    ["no Host", upgradeBut("Host"), 400],
    ["two Hosts", head(...UPGRADE, "Host: localhost"), 400],
    ["an odd Host", upgradeBut("Host", "Host: a/b"), 400],
    ["a Host with user info", upgradeBut("Host", "Host: a@b"), 400],
    [
      "HTTP/1.0",
      head("GET / HTTP/1.0", ...UPGRADE.slice(1)),
      400,
    ],
    [
      "a malformed target",
      head("GET http://[ HTTP/1.1", ...UPGRADE.slice(1)),
      400,
    ],
    ["a body", head(...UPGRADE, "Content-Length: 3") + "abc", 400],
    [
      "a chunked body",
      head(...UPGRADE, "Transfer-Encoding: chunked") + "0\r\n\r\n",
      400,
    ],
  ];

onBoth(
  "Upgrader.listener() answers with gorilla's statuses",
  async (carrier) => {
    const upgrader = new Upgrader();
    await using server = await startHttp(
      carrier,
      upgrader.listener((conn) => conn.terminate()),
    );
    for (const [what, request, status] of BAD_REQUESTS) {
      const answer = await answerOf(carrier, server.port, request);
      assertEquals(answer.status, status, what);
      if (status === 101) continue;
      assertStringIncludes(answer.head, "\r\nConnection: close\r\n", what);
      assertStringIncludes(
        answer.head.toLowerCase(),
        "sec-websocket-version: 13",
      );
      if (status === 426) {
        assertStringIncludes(
          answer.head.toLowerCase(),
          "\r\nupgrade: websocket",
        );
      }
      // The status text, and never the reason.
      assertEquals(
        `${answer.body}`,
        `${answer.head.split("\r\n")[0]!.slice(13)}\n`,
      );
    }
    await assertAlive(carrier, server);
  },
);

// RFC 9110, section 7.8
onBoth(
  "Upgrader.listener() says 100 before a 101 that expects it",
  async (carrier) => {
    await using server = await startHttp(
      carrier,
      new Upgrader().listener((conn) => conn.send("hi")),
    );
    for (const expect of ["100-continue", "100-Continue"]) {
      const peer = await connectRaw(carrier, server.port);
      peer.send(head(...UPGRADE, `Expect: ${expect}`));
      assertEquals(await peer.readHead(), "HTTP/1.1 100 Continue\r\n\r\n");
      assertStringIncludes(await peer.readHead(), "HTTP/1.1 101 ");
      peer.destroy();
      await peer.closed;
    }
    const other = await connectRaw(carrier, server.port);
    other.send(head(...UPGRADE, "Expect: a-miracle"));
    assertStringIncludes(await other.readHead(), "HTTP/1.1 101 ");
    other.destroy();
    await other.closed;
    // The final status says it all.
    const refused = await answerOf(
      carrier,
      server.port,
      upgradeBut("Sec-WebSocket-K", "Expect: 100-continue"),
    );
    assertEquals(refused.status, 400);
  },
);

onBoth("Upgrader.listener() reads early data first", async (carrier) => {
  const go = deferred();
  const read = deferred<unknown[]>();
  const upgrader = new Upgrader({ authorize: () => go.promise });
  await using server = await startHttp(
    carrier,
    upgrader.listener(async (conn) => {
      const all: unknown[] = [];
      for await (const { data } of conn) all.push(data);
      read.resolve(all);
    }),
  );
  const peer = await connectRaw(carrier, server.port);
  const early = [..."abc"].map((text) => maskedFrame(1, text));
  // With the request, while it is being decided on, and behind the 101.
  peer.send(concat(text(head(...UPGRADE)), early[0]!, early[1]!.slice(0, 3)));
  await until(() => server.upgraded.length === 1, "the upgrade");
  peer.send(early[1]!.slice(3));
  go.resolve();
  await peer.readHead();
  peer.send(concat(early[2]!, maskedFrame(8, hex("03 e8"))));
  assertEquals(await read.promise, ["a", "b", "c"]);
  peer.destroy();
});

onBoth(
  "Upgrader.listener() takes a pipelined request for frames",
  async (carrier) => {
    const closed = deferred<Conn>();
    await using server = await startHttp(
      carrier,
      new Upgrader().listener((conn) => closed.resolve(conn)),
    );
    let requests = 0;
    server.server.on("request", () => requests++);
    const peer = await upgrade(carrier, server.port, text(head(...UPGRADE)));
    // "G" is a fragment with RSV1.
    await peer.expectClose(1002);
    peer.destroy();
    const { code } = await (await closed.promise).closed;
    assertEquals([code, requests, server.upgraded.length], [1006, 0, 1]);
  },
);

onBoth("Upgrader.listener() outlives 2,500 headers", async (carrier) => {
  await using server = await startHttp(
    carrier,
    new Upgrader().listener((conn) => conn.terminate()),
  );
  const many = Array.from({ length: 2500 }, (_, i) => `X-${i}: ${i}`);
  for (
    const request of [
      head(UPGRADE[0]!, ...many, ...UPGRADE.slice(1)),
      head(...UPGRADE, ...many),
    ]
  ) {
    const peer = await connectRaw(carrier, server.port);
    peer.send(request);
    const answer = await peer.readHead();
    assert(/^HTTP\/1.1 (101|400|426|431) /.test(answer), answer);
    peer.destroy();
    await peer.closed;
  }
  await assertAlive(carrier, server);
});

onBoth(
  "Upgrader.listener() takes no request whose headers may be cut",
  async (carrier) => {
    await using server = await startHttp(
      carrier,
      new Upgrader().listener((conn) => conn.terminate()),
    );
    // Node and Deno keep a thousand and drop the rest without a word.
    const many: string[] = Array(1000).fill("a: b");
    for (
      const last of [
        "Origin: http://evil.example",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
      ]
    ) {
      const peer = await connectRaw(carrier, server.port);
      peer.send(head(...UPGRADE, ...many, last));
      const answer = await peer.readHead();
      assert(/^HTTP\/1.1 (400|431) /.test(answer), answer);
      peer.destroy();
      await peer.closed;
    }
  },
);

onBoth(
  "Upgrader.listener() does not upgrade while an answer is due",
  async (carrier) => {
    let conns = 0;
    await using server = await startHttp(
      carrier,
      new Upgrader().listener(() => void conns++),
    );
    const answers: (() => void)[] = [];
    server.server.removeAllListeners("request");
    server.server.on("request", (_request, response) => {
      answers.push(() => response.end("late"));
    });
    const peer = await connectRaw(carrier, server.port);
    peer.send(head("GET / HTTP/1.1", "Host: a") + head(...UPGRADE));
    await until(() => answers.length > 0, "the first request");
    for (let i = 0; i < 10; i++) await turn();
    // On Bun a request waits for the answer to the one before.
    for (let i = 0; i < 2; i++) {
      for (const answer of answers.splice(0)) answer();
      for (let i = 0; i < 10; i++) await turn();
    }
    peer.end();
    const all = new TextDecoder().decode(await peer.readRest());
    assert(
      !all.includes(" 101 ") || all.indexOf("late") < all.indexOf(" 101 "),
    );
    assertEquals(conns, all.includes(" 101 ") ? 1 : 0);
    peer.destroy();
    await peer.closed;
    await assertAlive(carrier, server);
  },
);

onBoth(
  "Upgrader.listener() stops a client that floods during authorize",
  async (carrier) => {
    const asked = deferred();
    const go = deferred();
    const upgrader = new Upgrader({
      authorize: () => {
        asked.resolve();
        return go.promise;
      },
    });
    const opened = deferred<Conn>();
    await using server = await startHttp(
      carrier,
      upgrader.listener((conn) => opened.resolve(conn)),
    );
    const peer = await connectRaw(carrier, server.port);
    peer.send(head(...UPGRADE));
    await asked.promise;
    const message = maskedFrame(2, new Uint8Array(2 ** 20));
    let sent = 0;
    let before = -1;
    for (let i = 0; i < 64; i++) peer.send(message).then(() => void sent++);
    while (sent !== before) {
      before = sent;
      for (let i = 0; i < 50; i++) await turn();
    }
    assert(sent < 32, `${sent} MiB were taken`);
    go.resolve();
    const conn = await opened.promise;
    for (let i = 0; i < 64; i++) await conn.readMessage();
    assertStringIncludes(await peer.readHead(), " 101 ");
    peer.destroy();
    await peer.closed;
  },
);

onBoth(
  "Upgrader.listener() sends the whole of a refusal, then ends",
  async (carrier) => {
    const upgrader = new Upgrader({
      authorize: () =>
        new Response("x".repeat(300_000), {
          status: 401,
          headers: { "Set-Cookie": "a=1", "Content-Length": "7", "X-App": "y" },
        }),
    });
    await using server = await startHttp(carrier, upgrader.listener(() => {}));
    const answer = await answerOf(carrier, server.port, head(...UPGRADE));
    assertEquals([answer.status, answer.body.length], [401, 300_000]);
    const lower = answer.head.toLowerCase();
    assertStringIncludes(lower, "\r\nset-cookie: a=1\r\n");
    assertStringIncludes(lower, "\r\nx-app: y\r\n");
    // The end of the connection ends the body, and nothing else does.
    assert(!lower.includes("content-length"), lower);
    await gone(server.upgraded[0]!);
  },
);

onBoth("Upgrader.listener() answers HEAD without a body", async (carrier) => {
  await using server = await startHttp(
    carrier,
    new Upgrader().listener(() => {}),
  );
  const request = head("HEAD / HTTP/1.1", ...UPGRADE.slice(1));
  const { status, body } = await answerOf(carrier, server.port, request);
  assertEquals([status, body], [405, ""]);
});

onBoth(
  "Upgrader.listener() cuts a refused peer that neither reads nor closes",
  async (carrier) => {
    const upgrader = new Upgrader({
      handshakeTimeout: 200,
      authorize: () =>
        new Response(new Uint8Array(16 * 2 ** 20), { status: 401 }),
    });
    await using server = await startHttp(carrier, upgrader.listener(() => {}));
    const peer = await connectRaw(carrier, server.port);
    peer.pause();
    peer.send(head(...UPGRADE));
    await until(() => server.upgraded.length === 1, "the upgrade");
    await gone(server.upgraded[0]!);
    peer.destroy();
    await peer.closed;
  },
);

onBoth(
  "Upgrader.listener() cuts a refused peer that does not close",
  async (carrier) => {
    const upgrader = new Upgrader({
      handshakeTimeout: 200,
      checkOrigin: () => false,
    });
    await using server = await startHttp(carrier, upgrader.listener(() => {}));
    const peer = await connectRaw(carrier, server.port);
    peer.send(head(...UPGRADE));
    assertStringIncludes(await peer.readHead(), " 403 ");
    await gone(server.upgraded[0]!);
    peer.destroy();
    await peer.closed;
  },
);

for (const callback of ["authorize", "checkOrigin", "subprotocols", "error"]) {
  onBoth(
    `Upgrader.listener() answers 503 when ${callback} takes too long`,
    async (carrier) => {
      const hang = deferred<never>();
      const upgrader = new Upgrader({
        handshakeTimeout: 50,
        [callback]: () => hang.promise,
        ...(callback === "error" ? { checkOrigin: () => false } : {}),
      });
      await using server = await startHttp(
        carrier,
        upgrader.listener(() => {}),
      );
      const request = head(...UPGRADE, "Sec-WebSocket-Protocol: chat");
      assertEquals((await answerOf(carrier, server.port, request)).status, 503);
      await gone(server.upgraded[0]!);
    },
  );
}

test("Upgrader.upgradeSocket() gives up a 101 that is not taken in time", async () => {
  const delays: number[] = [];
  const setTimer = globalThis.setTimeout;
  const upgrader = new Upgrader({
    handshakeTimeout: 60_000,
    authorize: () => new Promise<void>((resolve) => setTimer(resolve, 60)),
  });
  const socket = new Stuck();
  globalThis.setTimeout = ((fn: () => void, delay: number) => {
    if (delay > 30_000) delays.push(delay);
    // The second is over at once.
    return setTimer(fn, delays.length === 2 ? 0 : delay);
  }) as typeof setTimeout;
  try {
    assertEquals(
      await upgrader.upgradeSocket(message(), socket, hex("")),
      undefined,
    );
  } finally {
    globalThis.setTimeout = setTimer;
  }
  assert(socket.destroyed);
  assertStringIncludes(socket.taken, "HTTP/1.1 101 ");
  // What the callbacks have taken is not left for the 101.
  const [whole, rest] = delays;
  assertEquals(whole, 60_000);
  assert(rest! <= 60_000 - 55, `${rest} ms are left for the 101`);
});

test("Upgrader.upgradeSocket() gives no connection for a socket that is gone", async () => {
  const socket = new Stuck();
  socket.destroy();
  assertEquals(
    await new Upgrader().upgradeSocket(message(), socket, hex("")),
    undefined,
  );
});

onBoth(
  "Upgrader.upgradeSocket() adds headers, and gives nothing when it refuses",
  async (carrier) => {
    const upgrader = new Upgrader();
    const results: (Conn | undefined)[] = [];
    await using server = await startHttp(
      carrier,
      async (request, socket, head) => {
        results.push(
          await upgrader.upgradeSocket(request, socket, head, {
            headers: [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]],
          }),
        );
      },
    );
    assertEquals(
      (await answerOf(carrier, server.port, upgradeBut("Host"))).status,
      400,
    );
    const peer = await connectRaw(carrier, server.port);
    peer.send(head(...UPGRADE));
    assertStringIncludes(
      await peer.readHead(),
      "\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n",
    );
    await until(() => results.length === 2, "the connection");
    const [refused, conn] = results;
    assertEquals([refused, conn?.engine], [undefined, "wire"]);
    conn!.send("Hello");
    await peer.expectFrame({ opcode: 1, payload: "Hello" });
    peer.destroy();
    await conn!.closed;
  },
);

onBoth(
  "Upgrader.listener() answers 500 to headers that split the response",
  async (carrier) => {
    const upgrader = new Upgrader({
      authorize: () => ({
        headers: { "X-App": "a\r\nSet-Cookie: evil=1" },
      }),
    });
    await using server = await startHttp(carrier, upgrader.listener(() => {}));
    const { status, head: answer } = await answerOf(
      carrier,
      server.port,
      head(...UPGRADE),
    );
    assertEquals(status, 500);
    assert(!answer.includes("evil"), answer);
  },
);

onBoth(
  "Upgrader.listener() does not let a status text split the response",
  async (carrier) => {
    const upgrader = new Upgrader({
      authorize: () => {
        const response = new Response(null, { status: 401 });
        // As Bun's Response takes it.
        Object.defineProperty(response, "statusText", {
          value: "\u010d\u010aSet-Cookie: evil=1\r\nX: y",
        });
        return response;
      },
    });
    await using server = await startHttp(carrier, upgrader.listener(() => {}));
    const answer = await answerOf(carrier, server.port, head(...UPGRADE));
    assertEquals(answer.status, 401);
    assert(!/evil/.test(answer.head + answer.body), answer.head);
  },
);

onBoth(
  "Upgrader.listener() gives the request of the upgrade",
  async (carrier) => {
    const seen = deferred<[string, string | null]>();
    await using server = await startHttp(
      carrier,
      new Upgrader().listener((conn, request) => {
        seen.resolve([request.url, request.headers.get("x-app")]);
        conn.terminate();
      }),
    );
    const peer = await connectRaw(carrier, server.port);
    // RFC 7230, section 5.3.2: an absolute target never changes where it goes.
    peer.send(
      head(
        "GET http://evil.example/a?b HTTP/1.1",
        ...UPGRADE.slice(1),
        "X-App: é",
      ),
    );
    const scheme = carrier === "TCP" ? "http" : "https";
    const [url, app] = await seen.promise;
    assertEquals(url, `${scheme}://localhost/a?b`);
    assertEquals(app, "Ã©");
    peer.destroy();
  },
);

/** A socket that takes nothing. */
class Stuck extends Duplex {
  taken = "";

  override _read(): void {}

  override _write(chunk: Uint8Array): void {
    this.taken += new TextDecoder().decode(chunk);
  }
}

/** A good upgrade request, as node's parser gives it. */
function message(): IncomingMessage {
  const rawHeaders = UPGRADE.slice(1).flatMap((line) => line.split(": "));
  return {
    method: "GET",
    url: "/",
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    rawHeaders,
    headers: { host: "localhost" },
    socket: {},
  } as unknown as IncomingMessage;
}
