import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  defaultDialer,
  dial,
  Dialer,
  type DialerOptions,
  type DialOptions,
} from "../../../src/client/dialer.ts";
import { DialError } from "../../../src/errors.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { HeadersLike } from "../../../src/handshake/headers.ts";
import { accepting, answering, withServer } from "../../support/dial_server.ts";
import { hex, test, toHex } from "../../support/helper.ts";

/** The error of a dial that must fail. */
async function failure(
  url: string,
  options?: DialOptions,
  dialer: Dialer = defaultDialer,
): Promise<unknown> {
  const result = await dialer.dial(url, options).catch((error) => error);
  assertInstanceOf(result, Error);
  return result;
}

async function refusal(
  answer: string | ((head: string) => string | Promise<string>),
  dialer?: Dialer,
): Promise<BadHandshakeError> {
  let error: unknown;
  await withServer(answering(answer), async (url) => {
    error = await failure(url, {}, dialer);
  });
  assertInstanceOf(error, BadHandshakeError);
  return error as BadHandshakeError;
}

test("dial() gives a connection and the server's answer", async () => {
  await withServer(async (peer) => {
    const head = await peer.readHead();
    peer.send(
      await accepting(
        head,
        "X-Served-By: a",
        "Set-Cookie: b=1",
        "Set-Cookie: c=2",
      ),
    );
    await peer.expectFrame({ opcode: 1, payload: "Hello", masked: true });
    peer.sendFrame({ opcode: 2, payload: hex("01 02") });
    await peer.expectClose(1000);
    await peer.sendFrame({ opcode: 8, payload: hex("03 e8") });
    peer.end();
    await peer.ended;
  }, async (url) => {
    const { conn, response } = await dial(`${url}chat?room=1`);
    assertEquals(response.status, 101);
    assertEquals(response.headers.get("x-served-by"), "a");
    assertEquals(response.headers.getSetCookie(), ["b=1", "c=2"]);
    assertEquals(response.body, new Uint8Array(0));
    assertEquals([conn.engine, conn.subprotocol], ["wire", ""]);
    assertEquals(conn.remoteAddr, {
      transport: "tcp",
      hostname: "127.0.0.1",
      port: Number(new URL(url).port),
    });
    await conn.send("Hello");
    assertEquals(await conn.readMessage(), { type: 2, data: hex("01 02") });
    assertEquals((await conn.close()).wasClean, true);
  });
});

test("Dialer.dial() sends one request, with the headers given", async () => {
  const headers: HeadersLike = [
    ["Host", "other.example:81"],
    ["X-CamelCase", "1"],
    ["Cookie", "a=b"],
    ["x-lower", "2"],
  ];
  await withServer(async (peer) => {
    const head = await peer.readHead();
    const key = /Sec-WebSocket-Key: ([A-Za-z0-9+/]{22}==)\r\n/.exec(head)?.[1];
    assertEquals(
      head,
      [
        "GET /a/b?c=%20d HTTP/1.1",
        "Host: other.example:81",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${key}`,
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: v2.chat, chat",
        "X-CamelCase: 1",
        "Cookie: a=b",
        "x-lower: 2",
        "\r\n",
      ].join("\r\n"),
    );
    assertEquals(peer.buffered, 0);
    peer.send(await accepting(head, "Sec-WebSocket-Protocol: chat"));
    await peer.ended;
  }, async (url) => {
    const dialer = new Dialer({ subprotocols: ["v2.chat", "chat"] });
    const { conn } = await dialer.dial(`${url}a/b?c=%20d`, { headers });
    assertEquals(conn.subprotocol, "chat");
    conn.terminate();
    await conn.closed;
  });
});

test("Dialer.dial() uses a fresh key for each dial", async () => {
  const keys = new Set<string | undefined>();
  await withServer(async (peer) => {
    const head = await peer.readHead();
    keys.add(/Sec-WebSocket-Key: (.*)\r\n/.exec(head)?.[1]);
    peer.send(await accepting(head));
    await peer.ended;
  }, async (url) => {
    for (let i = 0; i < 3; i++) {
      const { conn } = await dial(url);
      conn.terminate();
      await conn.closed;
    }
  }, { count: 3 });
  assertEquals(keys.size, 3);
});

test("Dialer.dial() reads an answer that comes byte by byte", async () => {
  await withServer(async (peer, socket) => {
    socket.setNoDelay(true);
    const answer = await accepting(await peer.readHead());
    for (const char of answer + "\x01") {
      await peer.send(char);
      await new Promise((done) => setImmediate(done));
    }
    await peer.send(hex("00 80 02 48 69"));
    await peer.ended;
  }, async (url) => {
    const { conn } = await dial(url);
    assertEquals((await conn.readMessage()).data, "Hi");
    conn.terminate();
    await conn.closed;
  });
});

test("Dialer.dial() delivers the frames right behind the answer", async () => {
  await withServer(async (peer) => {
    const answer = new TextEncoder().encode(
      await accepting(await peer.readHead()),
    );
    const frames = hex("81 02 48 69 82 01 07 88 02 03 e9");
    const bytes = new Uint8Array(answer.length + frames.length);
    bytes.set(answer);
    bytes.set(frames, answer.length);
    peer.send(bytes);
    await peer.expectClose(1001);
    peer.end();
    await peer.ended;
  }, async (url) => {
    const { conn } = await dial(url);
    // The user has time to set handlers and to read.
    for (let i = 0; i < 5; i++) await Promise.resolve();
    assertEquals((await conn.readMessage()).data, "Hi");
    assertEquals((await conn.readMessage()).data, hex("07"));
    const { code, wasClean } = await conn.closed;
    assertEquals([code, wasClean], [1001, true]);
  });
});

test("Dialer.dial() passes over 1xx answers before the 101", async () => {
  await withServer(
    answering(async (head) =>
      "HTTP/1.1 100 Continue\r\n\r\n" +
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + await accepting(head)
    ),
    async (url) => {
      const { conn, response } = await dial(url);
      assertEquals(response.headers.has("link"), false);
      conn.terminate();
      await conn.closed;
    },
  );
});

test("Dialer.dial() follows no redirect", async () => {
  for (const status of [301, 302, 307, 308]) {
    const { message, response } = await refusal(
      `HTTP/1.1 ${status} Moved\r\nLocation: ws://127.0.0.1:1/\r\n` +
        "Content-Length: 0\r\n\r\n",
    );
    assertEquals(
      message,
      `Cannot complete the handshake: the server answered with status ${status} Moved, ` +
        'Location "ws://127.0.0.1:1/": redirects are not followed',
    );
    assertEquals(response.status, status);
    assertEquals(response.headers.get("location"), "ws://127.0.0.1:1/");
  }
});

test("Dialer.dial() gives the refusal's status, headers and body", async () => {
  const error = await refusal(
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n" +
      "Content-Length: 6\r\n\r\ndenied",
  );
  assertEquals(
    error.message,
    "Cannot complete the handshake: the server answered with status 401 Unauthorized",
  );
  const { status, headers, body } = error.response;
  assertEquals([status, headers.get("www-authenticate")], [401, "Basic"]);
  assertEquals(new TextDecoder().decode(body), "denied");
});

const BODIES: [name: string, head: string, body: string, expected: string][] = [
  ["of a length", "Content-Length: 3\r\n", "abcdef", "abc"],
  [
    "over 1024 bytes",
    "Content-Length: 5000\r\n",
    "x".repeat(5000),
    "x".repeat(1024),
  ],
  ["without a length", "", "y".repeat(2000), "y".repeat(1024)],
  [
    "in chunks",
    "Transfer-Encoding: chunked\r\n",
    "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
    "abcde",
  ],
];
for (const [name, headers, body, expected] of BODIES) {
  test(`Dialer.dial() gives at most 1024 bytes of a body ${name}`, async () => {
    const { response } = await refusal(
      `HTTP/1.1 500 Oops\r\n${headers}\r\n${body}`,
    );
    assertEquals(new TextDecoder().decode(response.body), expected);
  });
}

test("Dialer.dial() waits a second at most for a body that does not end", async () => {
  const start = performance.now();
  const { response } = await refusal(
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 500\r\n\r\nno",
  );
  assertEquals(new TextDecoder().decode(response.body), "no");
  assert(performance.now() - start < 4_000, "it waited for the dial's end");
});

test("Dialer.dial() takes the body of a server that closes", async () => {
  await withServer(async (peer) => {
    await peer.readHead();
    peer.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nbad");
    peer.end();
    await peer.ended;
  }, async (url) => {
    const error = await failure(url) as BadHandshakeError;
    assertEquals(new TextDecoder().decode(error.response.body), "bad");
  });
});

const ANSWERS: [
  name: string,
  change: (answer: string) => string,
  fault: string,
][] = [
  [
    "200",
    (a) => a.replace("101 S", "200 S"),
    "the server answered with status 200 Switching Protocols",
  ],
  [
    "HTTP/1.0",
    (a) => a.replace("HTTP/1.1", "HTTP/1.0"),
    "the server answered with HTTP/1.0",
  ],
  [
    "no Upgrade",
    (a) => a.replace("Upgrade: websocket\r\n", ""),
    'the Upgrade header has no token "websocket"',
  ],
  [
    "another Upgrade",
    (a) => a.replace("websocket", "h2c"),
    'the Upgrade header has no token "websocket"',
  ],
  [
    "no Connection",
    (a) => a.replace("Connection: Upgrade\r\n", ""),
    'the Connection header has no token "upgrade"',
  ],
  [
    "no accept key",
    (a) => a.replace(/Sec-WebSocket-Accept: .*\r\n/, ""),
    "the Sec-WebSocket-Accept header is there 0 times",
  ],
  [
    "two accept keys",
    (a) => a.replace(/Sec-WebSocket-Accept: .*\r\n/, "$&$&"),
    "the Sec-WebSocket-Accept header is there 2 times",
  ],
  [
    "a wrong accept key",
    (a) =>
      a.replace(/(Sec-WebSocket-Accept: ).*/, "$1s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    "the Sec-WebSocket-Accept header does not answer the key",
  ],
  [
    "a subprotocol not offered",
    (a) => a.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: other\r\n\r\n"),
    'the server chose subprotocol "other", which was not offered',
  ],
  [
    "an extension not offered",
    (a) =>
      a.replace(
        "\r\n\r\n",
        "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
      ),
    'the server chose extension "permessage-deflate", which was not offered',
  ],
];
for (const [name, change, fault] of ANSWERS) {
  test(`Dialer.dial() refuses an answer with ${name}`, async () => {
    const error = await refusal(
      async (head) => change(await accepting(head, "Content-Length: 0")),
      new Dialer({ subprotocols: ["chat"] }),
    );
    assertEquals(error.message, `Cannot complete the handshake: ${fault}`);
  });
}

const BROKEN: [name: string, answer: string, cause: string][] = [
  ["no HTTP", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 response"],
  [
    "a head over 64 KiB",
    `HTTP/1.1 101 a\r\nA: ${"b".repeat(70_000)}`,
    "65536 bytes",
  ],
  ["endless 1xx answers", "HTTP/1.1 100 \r\n\r\n".repeat(4_000), "65536 bytes"],
  ["a bare LF", "HTTP/1.1 101 a\nA: b\n\n", "bare LF"],
  ["HTTP/2", "HTTP/2 101\r\n\r\n", "HTTP/1.1 response"],
];
for (const [name, answer, cause] of BROKEN) {
  test(`Dialer.dial() refuses an answer of ${name}`, async () => {
    await withServer(answering(answer), async (url) => {
      const error = await failure(url) as DialError;
      assertInstanceOf(error, DialError);
      assertEquals(error.phase, "http");
      assertEquals((error.cause as Error).message.includes(cause), true);
    });
  });
}

for (const how of ["end", "reset"] as const) {
  for (const sent of ["", "HTTP/1.1 101 Swi"]) {
    test(`Dialer.dial() fails by the server's ${how} behind "${sent}"`, async () => {
      await withServer(async (peer) => {
        await peer.readHead();
        if (sent !== "") await peer.send(sent);
        peer[how]();
        await peer.ended;
      }, async (url) => {
        const error = await failure(url) as DialError;
        assertInstanceOf(error, DialError);
        assertEquals(error.phase, "http");
        assertEquals(error.address, new URL(url).host);
        assertEquals((error.cause as { code?: string }).code, "ECONNRESET");
      });
    });
  }
}

test("Dialer.dial() tells the phase and the address of what failed", async () => {
  const refused = await failure("ws://127.0.0.1:1/") as DialError;
  assertInstanceOf(refused, DialError);
  assertEquals(refused.message, "Cannot connect to 127.0.0.1:1: ECONNREFUSED");
  assertEquals([refused.phase, refused.address], ["connect", "127.0.0.1:1"]);
  assertEquals((refused.cause as { code?: string }).code, "ECONNREFUSED");
  // Longer than a label may be: nobody has to be asked.
  const name = `${"a".repeat(64)}.invalid`;
  const unknown = await failure(`ws://${name}/`) as DialError;
  assertEquals([unknown.phase, unknown.address], ["lookup", `${name}:80`]);
  assertInstanceOf(unknown.cause, Error);
});

test("Dialer.dial() throws at URLs and headers before it connects", async () => {
  const dialer = new Dialer({
    subprotocols: ["chat"],
    netDial: () => {
      throw new Error("It connects");
    },
  });
  for (
    const url of [
      "http://a/",
      "wss:",
      "ws://u:p@a/",
      "ws://a/#b",
      "ws://a/\r\nX: y",
      "ws://a\0b/",
    ]
  ) {
    await assertRejects(() => dialer.dial(url), TypeError);
  }
  for (
    const headers of [
      { Upgrade: "h2c" },
      { connection: "close" },
      { "Sec-WebSocket-Key": "a" },
      { "Sec-WebSocket-Version": "8" },
      { "Sec-WebSocket-Extensions": "a" },
      { "Sec-WebSocket-Protocol": "a" },
      { "X-A": "b\r\nX-C: d" },
      { "X-A\r\nB": "c" },
      { Host: "a\r\nb" },
      { "Transfer-Encoding": "chunked" },
    ]
  ) {
    await assertRejects(
      () =>
        dialer.dial("ws://a/", { headers: headers as Record<string, string> }),
      TypeError,
    );
  }
});

test("Dialer() checks its options", () => {
  const wrong: [DialerOptions, typeof Error][] = [
    [{ handshakeTimeout: 0 }, RangeError],
    [{ handshakeTimeout: NaN }, RangeError],
    [{ handshakeTimeout: -1 }, RangeError],
    [{ readLimit: 0 }, RangeError],
    [{ closeTimeout: 0 }, RangeError],
    [{ subprotocols: ["a b"] }, TypeError],
    [{ subprotocols: ["a", "a"] }, TypeError],
    [{ netDial: 1 as never }, TypeError],
  ];
  for (const [options, error] of wrong) {
    assertThrows(() => new Dialer(options), error);
  }
  new Dialer({ handshakeTimeout: Infinity });
});

test("Dialer.dial() gives the connection its limits", async () => {
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    peer.sendFrame({ opcode: 1, payload: "abc" });
    await peer.expectClose(1009);
    peer.end();
    await peer.ended;
  }, async (url) => {
    const { conn } = await new Dialer({ readLimit: 2 }).dial(url);
    await assertRejects(() => conn.readMessage(), Error, "read limit");
    await conn.closed;
  });
});

test("Dialer.dial() masks with a fresh key for each frame", async () => {
  const keys = new Set<string>();
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    for (let i = 0; i < 4; i++) {
      const { mask } = await peer.expectFrame({ payload: "a" });
      keys.add(toHex(mask!));
    }
  }, async (url) => {
    const { conn } = await dial(url);
    for (let i = 0; i < 4; i++) conn.send("a");
    await conn.closed;
  });
  assertEquals(keys.size, 4);
});
