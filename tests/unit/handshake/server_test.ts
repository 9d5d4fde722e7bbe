import { assert, assertEquals } from "@std/assert";
import { HandshakeError } from "../../../src/peer_errors.ts";
import { test } from "../../support/helper.ts";
import {
  type Accepted,
  type AcceptOptions,
  acceptUpgrade,
  type NegotiatedExtension,
} from "../../../src/handshake/server.ts";
import type { HeadersLike } from "../../../src/handshake/headers.ts";
import { upgradeRequest } from "./upgrade.ts";

type Options = AcceptOptions<NegotiatedExtension>;
type Change = Record<string, string | undefined>;

async function accept(
  request: Request,
  options: Options = {},
): Promise<Accepted<NegotiatedExtension>> {
  const result = await acceptUpgrade(request, options);
  if (!result.accepted) throw result.error;
  return result;
}

async function refuse(
  request: Request,
  options: Options = {},
): Promise<HandshakeError> {
  const result = await acceptUpgrade(request, options);
  if (result.accepted) throw new Error("The upgrade was accepted");
  assert(result.error instanceof HandshakeError);
  assertEquals(result.error.status, result.error.response.status);
  return result.error;
}

test("acceptUpgrade() answers the handshake of RFC 6455, section 1.2", async () => {
  const request = upgradeRequest({
    "sec-websocket-protocol": "chat, superchat",
  });
  assertEquals(await accept(request, { subprotocols: ["superchat", "chat"] }), {
    accepted: true,
    subprotocol: "chat",
    extension: undefined,
    headers: [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
      ["Sec-WebSocket-Protocol", "chat"],
    ],
    applicationHeaders: [],
    data: undefined,
  });
});

test("acceptUpgrade() puts the headers in gorilla's order", async () => {
  const request = upgradeRequest({
    "sec-websocket-protocol": "chat",
    "sec-websocket-extensions": "x; a=1",
  });
  const result = await accept(request, {
    headers: [["X-b", "1"], ["Sec-WebSocket-Protocol", "chat"], ["x-A", "2"]],
    negotiate: () => ({ header: "x; a=2" }),
    authorize: () => ({
      headers: [["Set-Cookie", "s=1"], ["Set-Cookie", "t=2"]],
      data: 1,
    }),
  });
  assertEquals(result.headers, [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ["Sec-WebSocket-Protocol", "chat"],
    ["Sec-WebSocket-Extensions", "x; a=2"],
    ["X-b", "1"],
    ["x-A", "2"],
    ["Set-Cookie", "s=1"],
    ["Set-Cookie", "t=2"],
  ]);
  assertEquals(result.applicationHeaders, result.headers.slice(5));
  assertEquals(result.subprotocol, "chat");
  assertEquals(result.data, 1);
});

test("acceptUpgrade() leaves out a subprotocol that nobody chose", async () => {
  const request = () => upgradeRequest({ "sec-websocket-protocol": "chat" });
  for (
    const options of [
      {},
      { subprotocols: [] },
      { subprotocols: ["other"] },
      { subprotocols: () => undefined },
    ] as Options[]
  ) {
    const result = await accept(request(), options);
    assertEquals(result.subprotocol, "");
    assertEquals(result.headers.length, 3);
  }
});

const DEFAULTS: [
  change: Change,
  init: RequestInit,
  options: Options,
  status: number,
  text: string,
][] = [
  [{ connection: "close" }, {}, {}, 400, "Bad Request"],
  [{ upgrade: "h2c" }, {}, {}, 426, "Upgrade Required"],
  [{}, { method: "POST" }, {}, 405, "Method Not Allowed"],
  [{ "sec-websocket-version": "8" }, {}, {}, 400, "Bad Request"],
  [{ "content-length": "3" }, {}, {}, 400, "Bad Request"],
  [{}, {}, { headers: { Upgrade: "x" } }, 500, "Internal Server Error"],
  [{ origin: "http://evil.test" }, {}, {}, 403, "Forbidden"],
  [{ "sec-websocket-key": "abc" }, {}, {}, 400, "Bad Request"],
  [
    { "sec-websocket-extensions": "a b" },
    {},
    { negotiate: () => undefined },
    400,
    "Bad Request",
  ],
];

test("acceptUpgrade() answers with the status and its text only", async () => {
  for (const [change, init, options, status, text] of DEFAULTS) {
    const error = await refuse(upgradeRequest(change, init), options);
    const { response } = error;
    assertEquals(response.status, status);
    assertEquals(response.statusText, text);
    assertEquals(await response.text(), `${text}\n`);
    assertEquals(response.headers.get("sec-websocket-version"), "13");
    assertEquals(
      response.headers.get("content-type"),
      "text/plain; charset=utf-8",
    );
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
    assertEquals(
      response.headers.get("upgrade"),
      status === 426 ? "websocket" : null,
    );
    assertEquals(response.headers.get("allow"), status === 405 ? "GET" : null);
    assert(error.message.startsWith("Cannot upgrade request: "), error.message);
  }
});

test("acceptUpgrade() checks in gorilla's order", async () => {
  // Every fault at once; each step mends the one that was found.
  const change: Change = {
    connection: "close",
    upgrade: "h2c",
    "sec-websocket-version": "8",
    "content-length": "1",
    origin: "http://evil.test",
    "sec-websocket-key": "abc",
    "sec-websocket-extensions": "a b",
    "sec-websocket-protocol": "chat",
  };
  let init: RequestInit = { method: "POST" };
  let options: Options = {
    headers: { "Sec-WebSocket-Extensions": "x" },
    subprotocols: () => "other",
    negotiate: () => undefined,
    authorize: () => new Response(null, { status: 401 }),
  };
  const mend: [() => void, string][] = [
    [() => change["connection"] = "upgrade", "Connection"],
    [() => change["upgrade"] = "websocket", "Upgrade"],
    [() => init = {}, "method"],
    [() => change["sec-websocket-version"] = "13", "Version"],
    [() => delete change["content-length"], "body"],
    [() => options = { ...options, headers: {} }, "headers"],
    [() => delete change["origin"], "origin"],
    [() => delete change["sec-websocket-key"], "Key"],
    [() => delete change["sec-websocket-extensions"], "Extensions"],
    [() => options = { ...options, subprotocols: ["chat"] }, "subprotocol"],
    [() => options = { ...options, authorize: () => {} }, "authorize"],
  ];
  for (const [fix, reason] of mend) {
    const error = await refuse(upgradeRequest(change, init), options);
    assert(error.message.includes(reason), `${error.message}: ${reason}`);
    fix();
  }
  assertEquals(
    (await accept(upgradeRequest(change), options)).subprotocol,
    "chat",
  );
});

test("acceptUpgrade() lets checkOrigin decide by true alone", async () => {
  const request = () => upgradeRequest({ origin: "http://evil.test" });
  for (const checkOrigin of [() => true, () => Promise.resolve(true)]) {
    await accept(request(), { checkOrigin });
  }
  for (const value of [false, undefined, null, 0, 1, "true", {}]) {
    for (const result of [value, Promise.resolve(value)]) {
      const checkOrigin = () => result as boolean;
      assertEquals(
        (await refuse(upgradeRequest(), { checkOrigin })).status,
        403,
      );
    }
  }
});

test("acceptUpgrade() refuses a key that is missing or doubled", async () => {
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  for (const value of [undefined, "", "abc", `${key}, ${key}`]) {
    const error = await refuse(upgradeRequest({ "sec-websocket-key": value }));
    assertEquals(error.status, 400);
    assert(error.message.includes("Sec-WebSocket-Key"));
  }
});

test("acceptUpgrade() refuses invalid headers of the application", async () => {
  const wrong: HeadersLike[] = [
    { "Sec-WebSocket-Accept": "x" },
    { "X": "a\r\nb" },
    { "X\r\nY": "a" },
    { "X": 1 } as unknown as HeadersLike,
    null as unknown as HeadersLike,
    [["Content-Length", "0"]],
    { "Sec-WebSocket-Protocol": "a" },
  ];
  const subprotocols = ["b"];
  for (const headers of wrong.filter((headers) => headers !== null)) {
    const error = await refuse(upgradeRequest(), { headers, subprotocols });
    assertEquals(error.status, 500);
    assert(error.cause instanceof TypeError);
  }
  for (const headers of wrong) {
    const authorize = () => ({ headers });
    const error = await refuse(upgradeRequest(), { authorize, subprotocols });
    assertEquals(error.status, 500);
    assert(error.cause instanceof TypeError);
  }
});

test("acceptUpgrade() sends only an offered protocol of the application", async () => {
  const chosen = { "Sec-WebSocket-Protocol": "chat" };
  for (
    const options of [
      { headers: chosen },
      { authorize: () => ({ headers: chosen }) },
    ] as Options[]
  ) {
    const offer = upgradeRequest({ "sec-websocket-protocol": "a, chat" });
    const result = await accept(offer, options);
    assertEquals(result.subprotocol, "chat");
    assertEquals(result.headers.slice(3), [["Sec-WebSocket-Protocol", "chat"]]);
    const other = upgradeRequest({ "sec-websocket-protocol": "a" });
    assertEquals((await refuse(other, options)).status, 500);
    assertEquals((await refuse(upgradeRequest(), options)).status, 500);
  }
  const twice = {
    headers: chosen,
    authorize: () => ({ headers: chosen }),
  };
  const offer = upgradeRequest({ "sec-websocket-protocol": "chat" });
  assertEquals((await refuse(offer, twice)).status, 500);
});

test("acceptUpgrade() refuses with the Response of authorize", async () => {
  for (const status of [200, 302, 401, 429, 503]) {
    const response = new Response("why", { status, headers: { "x-a": "1" } });
    const error = await refuse(upgradeRequest(), {
      authorize: () => Promise.resolve(response),
      error: () => {
        throw new Error("not asked");
      },
    });
    assert(error.response === response);
    assertEquals(error.status, status);
    assertEquals(await error.response.text(), "why");
  }
});

test("acceptUpgrade() refuses with 500 what authorize may not return", async () => {
  const used = new Response("x");
  await used.text();
  const locked = new Response("x");
  const reader = locked.body!.getReader();
  const wrong: unknown[] = [
    new Response(null, { status: 101 }),
    Response.error(),
    used,
    locked,
    null,
    false,
    true,
    "x",
    { status: 401 },
    new (class Response {})(),
    new Headers(),
    new Map([["headers", {}]]),
    [],
    [["Set-Cookie", "a=1"]],
    { "Set-Cookie": "a=1" },
    { data: 1, header: {} },
    { [Symbol("data")]: 1 },
    Object.create({ data: 1 }),
    Promise,
  ];
  for (const value of wrong) {
    const authorize = () => value as Response;
    const error = await refuse(upgradeRequest(), { authorize });
    assertEquals(error.status, 500);
    assertEquals(await error.response.text(), "Internal Server Error\n");
    assert(error.cause instanceof TypeError);
  }
  await reader.cancel();
});

test("acceptUpgrade() runs authorize last, and not in vain", async () => {
  const calls: string[] = [];
  const options: Options = {
    checkOrigin: () => calls.push("checkOrigin") > 0,
    subprotocols: () => {
      calls.push("subprotocols");
      return undefined;
    },
    negotiate: () => {
      calls.push("negotiate");
      return undefined;
    },
    authorize: () => {
      calls.push("authorize");
    },
  };
  await accept(upgradeRequest(), options);
  assertEquals(calls.at(-1), "authorize");
  assertEquals(calls.length, 4);
  calls.length = 0;
  await refuse(upgradeRequest({ "sec-websocket-key": "abc" }), options);
  assertEquals(calls, ["checkOrigin"]);
  calls.length = 0;
  await refuse(upgradeRequest({ upgrade: "h2c" }), options);
  assertEquals(calls, []);
});

test("acceptUpgrade() answers 500 when user code throws or rejects", async () => {
  const causes: unknown[] = [new Error("secret"), "text", undefined, null];
  for (const cause of causes) {
    for (
      const fail of [
        () => {
          throw cause;
        },
        () => Promise.reject(cause),
      ] as (() => never)[]
    ) {
      for (
        const options of [
          { checkOrigin: fail },
          { subprotocols: fail },
          { authorize: fail },
        ] as Options[]
      ) {
        const error = await refuse(upgradeRequest(), options);
        assertEquals(error.status, 500);
        assertEquals(error.cause, cause);
        assertEquals(await error.response.text(), "Internal Server Error\n");
      }
    }
  }
  const negotiate = () => {
    throw causes[0];
  };
  assertEquals(
    (await refuse(upgradeRequest(), { negotiate })).cause,
    causes[0],
  );
});

test("acceptUpgrade() lets the error callback word the answer", async () => {
  const request = upgradeRequest({ origin: "null" });
  const calls: unknown[][] = [];
  const answer = new Response("mine", { status: 418 });
  const error = await refuse(request, {
    error: (...args) => {
      calls.push(args);
      return Promise.resolve(answer);
    },
  });
  assert(error.response === answer);
  assertEquals(error.status, 418);
  assertEquals(error.response.headers.get("sec-websocket-version"), null);
  assertEquals(calls.length, 1);
  assert(calls[0]![0] === request);
  assertEquals(calls[0]![1], 403);
  const reason = calls[0]![2] as HandshakeError;
  assert(reason instanceof HandshakeError);
  assertEquals(reason.status, 403);
  assertEquals(reason.message, error.message);
});

test("acceptUpgrade() hands the cause to the error callback and on", async () => {
  const cause = new Error("no");
  let seen: unknown;
  const error = await refuse(upgradeRequest(), {
    authorize: () => Promise.reject(cause),
    error: (_request, status, reason) => {
      seen = reason.cause;
      return new Response(null, { status });
    },
  });
  assert(seen === cause);
  assert(error.cause === cause);
});

test("acceptUpgrade() falls back where the error callback fails", async () => {
  const thrown = new Error("broken page");
  const failing = [
    () => {
      throw thrown;
    },
    () => Promise.reject(thrown),
    () => undefined,
    () => new Response(null, { status: 101 }),
    async (_request: Request, _status: number, reason: HandshakeError) => {
      await reason.response.text();
      return reason.response;
    },
  ] as unknown as NonNullable<Options["error"]>[];
  for (const [index, error] of failing.entries()) {
    const refused = await refuse(upgradeRequest({ origin: "null" }), { error });
    assertEquals(refused.status, 403);
    assertEquals(await refused.response.text(), "Forbidden\n");
    if (index < 2) assert(refused.cause === thrown);
    else assert(refused.cause instanceof TypeError);
  }
});

test("acceptUpgrade() gives the offers to the negotiation in order", async () => {
  const request = upgradeRequest({
    "sec-websocket-extensions": "__proto__; constructor=1, toString, a",
  });
  const result = await acceptUpgrade(request, {
    negotiate: (offers) => ({ header: "a", offers }),
  });
  assert(result.accepted);
  assertEquals(result.extension, {
    header: "a",
    offers: [
      { name: "__proto__", params: [["constructor", "1"]] },
      { name: "toString", params: [] },
      { name: "a", params: [] },
    ],
  });
});

test("acceptUpgrade() declines extensions without a word", async () => {
  const offered = "permessage-deflate; client_max_window_bits, constructor";
  const request = () => upgradeRequest({ "sec-websocket-extensions": offered });
  for (const options of [{}, { negotiate: () => undefined }] as Options[]) {
    const result = await accept(request(), options);
    assertEquals(result.extension, undefined);
    assertEquals(result.headers.length, 3);
  }
});

test("acceptUpgrade() ignores malformed extensions where none is wanted", async () => {
  for (const offered of ["a b", ";", "x=1", 'a;b="\\', "\u00e9"]) {
    const request = upgradeRequest({ "sec-websocket-extensions": offered });
    const result = await accept(request);
    assertEquals(result.extension, undefined, offered);
    assertEquals(result.headers.length, 3, offered);
  }
});

test("acceptUpgrade() takes any number of the application's headers", async () => {
  const pairs = Array.from(
    { length: 200_000 },
    (): [string, string] => ["a", ""],
  );
  const result = await accept(upgradeRequest(), {
    headers: pairs,
    authorize: () => ({ headers: pairs }),
  });
  assertEquals(result.headers.length, 3 + 2 * pairs.length);
});

test("acceptUpgrade() never rejects, whatever the headers", async () => {
  const size = 64 * 1024;
  const names = [
    "host",
    "origin",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "content-length",
  ];
  const values = [
    "",
    "x" + " ".repeat(size) + "x",
    "x" + " ,".repeat(size) + "x",
    'a;b="' + "\\c".repeat(size),
    "b".repeat(size),
    "\u00ff".repeat(size),
    "__proto__",
  ];
  for (const name of names) {
    for (const value of values) {
      const result = await acceptUpgrade(upgradeRequest({ [name]: value }), {
        subprotocols: ["x"],
      });
      assert(result.accepted || result.error.status >= 400, `${name} ${value}`);
    }
  }
});
