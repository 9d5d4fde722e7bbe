/** Every object of options of the public surface: what counts as one, and what is refused. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";

import { dial as dialInPage } from "../../../src/browser/dial.ts";
import { CloseError } from "../../../src/close.ts";
import type { ConnOptions } from "../../../src/conn/options.ts";
import {
  dial,
  Dialer,
  type DialerOptions,
} from "../../../src/client/dialer.ts";
import { reconnect } from "../../../src/client/reconnect.ts";
import { Hub } from "../../../src/pubsub/hub.ts";
import { DialError } from "../../../src/errors.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../../../src/base/options.ts";
import { connOver } from "../../../src/conn_over.ts";
import { pipeStreams } from "../../../src/testing/pipe_stream.ts";
import { serve, type ServeOptions } from "../../../src/server/serve.ts";
import { pipe, rawDial, rawPeer } from "../../../src/testing/mod.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import { ca, certificate } from "../../support/http_server.ts";
import { test } from "../../support/helper.ts";
import { polluted } from "../../support/polluted.ts";

interface Sample {
  readonly size?: number;
  readonly colour?: string;
  readonly keepAlive?: number;
}

const SAMPLE: OptionsOf<Sample> = declareOptions({
  what: "sample()",
  use: "sample({ … })",
  names: { size: true, colour: true, keepAlive: true },
  within: { colour: { shade: true } },
});

/** Not what the type says. */
// deno-lint-ignore no-explicit-any -- of any type
function wrong(value: unknown): any {
  return value;
}

test("readOptions() reads own options, and those of classes", () => {
  class Base {
    get size(): number {
      return 2;
    }
    method(): void {}
  }
  class Derived extends Base {
    colour = "red";
  }
  const cases: [options: unknown, expected: unknown][] = [
    [undefined, {}],
    [{}, {}],
    [{ size: 1 }, { size: 1 }],
    [{ size: undefined, colour: "red" }, { colour: "red" }],
    [Object.assign(Object.create(null), { size: 1 }), { size: 1 }],
    [Object.create({ size: 1 }), { size: 1 }],
    [Object.create(Object.assign(Object.create(null), { size: 1 })), {
      size: 1,
    }],
    [new Derived(), { colour: "red", size: 2 }],
    [
      Object.defineProperty({}, "size", { get: () => 3 }),
      { size: 3 },
    ],
    [{ other: undefined, constructor: undefined }, {}],
    [{ [Symbol("other")]: 1 }, {}],
  ];
  for (const [options, expected] of cases) {
    assertEquals({ ...readOptions(wrong(options), SAMPLE) }, expected);
  }
  assertEquals(Object.getPrototypeOf(readOptions({}, SAMPLE)), null);
});

test("readOptions() takes nothing from Object.prototype", async () => {
  const read = await polluted("size", 1, () => readOptions<Sample>({}, SAMPLE));
  assertEquals(read.size, undefined);
  const own = await polluted("size", 1, () => readOptions({ size: 2 }, SAMPLE));
  assertEquals(own.size, 2);
  // What it does not know is not its user's either.
  await polluted("strange", 1, () => readOptions({ size: 2 }, SAMPLE));
});

test("readOptions() refuses what is no object", () => {
  const cases: [options: unknown, kind: string][] = [
    [null, "null"],
    ["size", "string"],
    [() => {}, "function"],
    [1, "number"],
    [[], "Array"],
  ];
  for (const [options, kind] of cases) {
    assertThrows(
      () => readOptions(wrong(options), SAMPLE),
      TypeError,
      `Cannot use the options of sample(): they must be an object, got ${kind}`,
    );
  }
});

test("readOptions() refuses options that are not known, and knows the way out", () => {
  const cases: [name: string, way: string][] = [
    ["siez", "there is no such option, did you mean size?"],
    ["Size", "there is no such option, did you mean size?"],
    ["color", "there is no such option, did you mean colour?"],
    ["keepalive", "there is no such option, did you mean keepAlive?"],
    ["keep", "there is no such option, did you mean keepAlive?"],
    ["x", "there is no such option, use size, colour, keepAlive"],
    ["shade", "it belongs in colour, as sample({ colour: { shade } })"],
    ["handshakeTimeout", "it belongs in a"],
  ];
  for (const [name, way] of cases) {
    assertThrows(
      () => readOptions(wrong({ [name]: 1 }), SAMPLE),
      TypeError,
      `Cannot use option ${name} of sample(): ${way}`,
    );
  }
  assertThrows(
    () => readOptions(wrong({ "a\r\nb": 1 }), SAMPLE),
    TypeError,
    'Cannot use option "a\\r\\nb" of sample()',
  );
  assertThrows(
    () => readOptions(wrong(JSON.parse('{"__proto__": 1}')), SAMPLE),
    TypeError,
    "Cannot use option __proto__ of sample()",
  );
  assertThrows(() => readOptions(wrong({ ["x".repeat(1e6)]: 1 }), SAMPLE));
});

test("readOptions() refuses an instance that has none of the options", () => {
  class Colour {
    get red(): number {
      return 1;
    }
  }
  class Nothing extends null {}
  const cases: [options: unknown, name: string, way: string][] = [
    [new Colour(), "Colour", "use sample({ colour })"],
    [new Date(), "Date", "use sample({ … })"],
    [new WeakMap(), "WeakMap", "use sample({ … })"],
    [Object.create(Nothing.prototype), "Nothing", "use sample({ … })"],
  ];
  for (const [options, name, way] of cases) {
    assertThrows(
      () => readOptions(wrong(options), SAMPLE),
      TypeError,
      `Cannot use an instance of ${name} as the options of sample(): it has none of them, ${way}`,
    );
  }
  class Unset {
    size = undefined;
  }
  class OtherObject {}
  // As of another realm, which has an Object of its own.
  Object.defineProperty(OtherObject, "name", { value: "Object" });
  const fine = [new Unset(), new OtherObject(), Object.create({})];
  for (const options of fine) readOptions(wrong(options), SAMPLE);
});

test("an object that others take is not taken for options", async () => {
  const upgrader = wrong(new Upgrader());
  const dialer = wrong(new Dialer());
  const url = "ws://127.0.0.1:1/";
  const [conn, peer] = pipe();
  const hub = new Hub();
  const cases: [call: () => unknown, way: string][] = [
    [() => serve(() => {}, upgrader), "use serve(onConn, { upgrader })"],
    [() => serve(() => {}, { port: 0, upgrader: dialer }), "of an Upgrader"],
    [() => new Upgrader(upgrader), "of an Upgrader"],
    [() => new Upgrader().handler(() => {}, upgrader), "of handler()"],
    [() => new Upgrader().listener(() => {}, upgrader), "of listener()"],
    [() => dial(url, dialer), "of dial()"],
    [() => dial(url, wrong(new Map())), "use dial(url, { … })"],
    [() => reconnect(url, () => {}, dialer), "{ dialer })"],
    [() => new Hub(wrong(hub)), "of Hub"],
    [() => hub.publish("topic", "x", wrong(conn)), "of hub.publish()"],
    [() => conn.send("x", wrong(peer)), "of what waits"],
    [() => new Upgrader({ keepAlive: wrong(new Date()) }), "of keepAlive"],
  ];
  for (const [call, way] of cases) {
    const error = await assertRejects(async () => await call(), TypeError);
    assert(error.message.includes("Cannot use an instance of"), error.message);
    assert(error.message.includes(way), error.message);
  }
  await hub.close();
  await Promise.all([conn.close(), peer.closed]);
});

test("a signal that is none is refused before anything is done", async () => {
  const url = "ws://127.0.0.1:1/";
  for (const signal of [null, 5, {}, new AbortController()].map(wrong)) {
    for (
      const call of [
        () => serve(() => {}, { port: 0, signal }),
        () => dial(url, { signal }),
        () => dialInPage(url, { signal }),
        () => reconnect(url, () => {}, { signal }),
      ]
    ) {
      await assertRejects(
        async () => await call(),
        TypeError,
        "Cannot use option signal: it must be an AbortSignal, got ",
      );
    }
  }
});

test("a value of the wrong type is not taken for an option left out", async () => {
  const serving = (options: object) => serve(() => {}, { port: 0, ...options });
  const upgrader = new Upgrader();
  const cases: [
    name: string,
    values: unknown[],
    take: (o: never) => unknown,
  ][] = [
    ["messageLimit", [0, null, "", NaN], (o) => new Upgrader(o)],
    ["trustProxy", [0, null, "", NaN, false], (o) => new Upgrader(o)],
    ["writeBufferPool", [0, null, {}, "pool"], (o) => new Dialer(o)],
    ["subprotocols", ["chat", null, new Set(["chat"])], (o) => new Dialer(o)],
    [
      "subprotocols",
      ["chat", null],
      (o) => dialInPage("ws://127.0.0.1:1/", o),
    ],
    ["hostname", [null, 0, false, true, {}, [], () => {}], serving],
    ["tls", [null, 0, false, ""], serving],
    ["fetch", [null, 5], serving],
    ["onListen", [null, 5], serving],
    ["onError", [null, 5, {}], serving],
    ["onRefused", [null, 5], serving],
    ["fetch", [null, 5], (o) => upgrader.handler(() => {}, o)],
    ["onError", [null, 5], (o) => upgrader.handler(() => {}, o)],
    ["onRefused", [null, 5], (o) => upgrader.listener(() => {}, o)],
    ["onError", [null, 5], (o) => upgrader.listener(() => {}, o)],
    [
      "onRefused",
      [null, 5],
      (o) => upgrader.upgradeSocket(wrong({}), wrong({}), wrong({}), o),
    ],
  ];
  for (const [name, values, take] of cases) {
    for (const value of values) {
      const error = await assertRejects(
        async () => await take({ [name]: value } as never),
        TypeError,
      );
      assert(error.message.includes(name), `${name}: ${error.message}`);
    }
  }
});

/** Each part of the surface that takes options, given some. */
const TAKERS: Readonly<
  Record<string, (options: unknown) => unknown | Promise<unknown>>
> = {
  "serve()": (options) => serve(() => {}, wrong(options)),
  "an Upgrader": (options) => new Upgrader(wrong(options)),
  "handler()": (options) => new Upgrader().handler(() => {}, wrong(options)),
  "listener()": (options) => new Upgrader().listener(() => {}, wrong(options)),
  "upgrade()": (options) =>
    new Upgrader().upgrade(
      new Request("http://a/"),
      undefined,
      wrong(options),
    ),
  "a Dialer": (options) => new Dialer(wrong(options)),
  "dial()": (options) => dial("ws://127.0.0.1:1/", wrong(options)),
  "tls": (options) => new Dialer({ tls: wrong(options) }),
  "tls of serve()": (options) =>
    serve(() => {}, { port: 0, tls: wrong(options) }),
  "keepAlive": (options) => new Upgrader({ keepAlive: wrong(options) }),
  "enableCompression": (options) =>
    new Dialer({ enableCompression: wrong(options) }),
  "connOver()": (options) => connOver(pipeStreams()[0], wrong(options)),
  "pipe()": (options) => pipe(wrong(options)),
  "an end of pipe()": (options) => pipe({ client: wrong(options) }),
  "CloseError": (options) => new CloseError(1000, "", wrong(options)),
  "rawPeer()": (options) => rawPeer(wrong(options)),
  "rawDial()": (options) => rawDial("ws://127.0.0.1:1/", wrong(options)),
};

for (const [what, take] of Object.entries(TAKERS)) {
  test(`${what} refuses options that are not known`, async () => {
    await assertRejects(
      async () => await take({ nonsense: 1 }),
      TypeError,
      `Cannot use option nonsense of ${what}`,
    );
    for (const options of ["text", () => {}, [], 1, true]) {
      // `true` is compression with the defaults.
      if (what === "enableCompression" && options === true) continue;
      await assertRejects(async () => await take(options), TypeError);
    }
  });
}

test("the methods of a Conn and a Server refuse options that are not known", async () => {
  const [client, server] = pipe();
  const nonsense = wrong({ nonsense: 1 });
  const calls: (() => unknown)[] = [
    () => client.send("x", nonsense),
    () => client.writeMessage(1, "x", nonsense),
    () => client.writeMessage(9, "x", nonsense),
    () => client.writeJSON(1, nonsense),
    () => client.nextWriter(1, nonsense),
    () => client.readMessage(nonsense),
    () => client.nextReader(nonsense),
    () => client.readJSON(nonsense),
    () => client.ping("x", nonsense),
    () => client.close(1000, "", nonsense),
  ];
  for (const call of calls) {
    await assertRejects(async () => await call(), TypeError, "option nonsense");
  }
  assertEquals(client.state, "open");
  await client.close();
  await server.closed;

  await using serving = await serve(() => {}, { port: 0 });
  await assertRejects(() => serving.shutdown(nonsense), TypeError, "nonsense");
});

test("options that belong elsewhere are told where", async () => {
  const authorize = () => {};
  const cases: [what: string, options: unknown, message: string][] = [
    [
      "serve()",
      { authorize },
      "Cannot use option authorize of serve(): it belongs in upgrader, as serve(onConn, { upgrader: { authorize } })",
    ],
    ["serve()", { cert: "" }, "serve(onConn, { tls: { cert } })"],
    ["serve()", { prot: 1 }, "there is no such option, did you mean port?"],
    [
      "serve()",
      { host: "a" },
      "there is no such option, did you mean hostname?",
    ],
    [
      "an Upgrader",
      { port: 1 },
      "it belongs in serve(), as serve(onConn, { port })",
    ],
    [
      "an Upgrader",
      { level: 1 },
      "it belongs in enableCompression, as new Upgrader({ enableCompression: { level } })",
    ],
    ["handler()", { checkOrigin: 1 }, "new Upgrader({ checkOrigin })"],
    ["handler()", { readLimit: 1 }, "new Upgrader({ readLimit })"],
    ["listener()", { fetch: 1 }, "it belongs in "],
    ["dial()", { subprotocols: [] }, "new Dialer({ subprotocols })"],
    ["dial()", { tls: {} }, "new Dialer({ tls })"],
    ["a Dialer", { headers: {} }, "it belongs in dial()"],
    ["a Dialer", { signal: 1 }, "it belongs in dial()"],
    [
      "a Dialer",
      { rejectUnauthorized: false },
      "new Dialer({ tls: { rejectUnauthorized } })",
    ],
    ["pipe()", { readLimit: 1 }, "pipe({ server: { readLimit } })"],
    ["connOver()", { interval: 1 }, "{ keepAlive: { interval } }"],
  ];
  for (const [what, options, message] of cases) {
    const error = await assertRejects(
      async () => await TAKERS[what]!(options),
      TypeError,
    );
    assert(error.message.includes(message), error.message);
  }
});

test("dial() of browsers does not send to itself for what it has not", async () => {
  await assertRejects(
    () => dialInPage("ws://127.0.0.1:1/", wrong({ headers: {} })),
    TypeError,
    "Cannot use option headers of dial(): there is no such option, use subprotocols, signal",
  );
});

test("options of all our types, with all their fields, are taken", async () => {
  const conn: Required<Omit<ConnOptions, "writeBufferPool">> = {
    readBufferSize: 1024,
    writeBufferSize: 1024,
    readLimit: 1024,
    keepAlive: { interval: 1000, timeout: 1000 },
    closeTimeout: 1000,
    writeLimit: 1024,
    messageLimit: { perSecond: 10, burst: 10 },
  };
  const upgrader: UpgraderOptions = {
    ...conn,
    handshakeTimeout: 1000,
    subprotocols: ["a"],
    error: () => new Response(null, { status: 400 }),
    checkOrigin: () => true,
    enableCompression: { level: 1 },
    authorize: () => {},
    require: ["ping"],
  };
  const options: Required<Omit<ServeOptions, "tls" | "path">> = {
    port: 0,
    hostname: "127.0.0.1",
    engine: "wire",
    maxConns: 10,
    upgrader,
    fetch: () => new Response("x"),
    signal: new AbortController().signal,
    onListen: () => {},
    onError: () => {},
    onRefused: () => {},
  };
  await using server = await serve(() => {}, options);
  await using other = await serve(() => {}, {
    ...options,
    upgrader: new Upgrader(upgrader),
    tls: certificate,
    path: "/ws",
  });
  assert(server.addr.port !== other.addr.port);
  const dialer: DialerOptions = {
    ...conn,
    proxy: null,
    handshakeTimeout: 1000,
    subprotocols: ["a"],
    enableCompression: true,
    tls: {},
  };
  const { conn: made } = await new Dialer(dialer)
    .dial(`ws://127.0.0.1:${server.addr.port}`);
  await made.close();
});

test("what stands on Object.prototype opens no dial", async () => {
  await using server = await serve((conn) => conn.send("x"), {
    port: 0,
    hostname: "127.0.0.1",
    tls: certificate,
  });
  const url = `wss://127.0.0.1:${server.addr.port}`;
  for (
    const [name, value] of [
      ["rejectUnauthorized", false],
      ["checkServerIdentity", () => undefined],
      ["tls", { rejectUnauthorized: false }],
      ["ca", ca],
    ] as const
  ) {
    const error = await polluted(name, value, async () => {
      const dialing = new Dialer({ tls: {}, handshakeTimeout: 5_000 });
      return await dialing.dial(url).then(({ conn }) => {
        conn.terminate();
        return "open";
      }, (error) => error);
    });
    assertInstanceOf(error, DialError, name);
    assertEquals(error.phase, "tls", name);
  }
});

test("what stands on Object.prototype diverts no dial", async () => {
  await using server = await serve((conn) => conn.send("x"), {
    port: 0,
    hostname: "127.0.0.1",
  });
  const url = `ws://127.0.0.1:${server.addr.port}`;
  const diverted = () => {
    throw new Error("diverted");
  };
  for (
    const [name, value] of [
      ["proxy", "http://127.0.0.1:1"],
      ["netDial", diverted],
      ["jar", { getCookies: diverted, setCookies: diverted }],
      ["subprotocols", ["polluted"]],
      ["handshakeTimeout", 1],
      ["readLimit", 1],
      ["path", "/nowhere"],
      ["socketPath", "/nowhere"],
    ] as const
  ) {
    await polluted(name, value, async () => {
      const { conn } = await new Dialer({}).dial(url, {});
      assertEquals((await conn.readMessage({})).data, "x", name);
      await conn.close(1000, "", {});
    });
  }
});

test("what stands on Object.prototype opens and closes no server", async () => {
  const never = () => {
    throw new Error("polluted");
  };
  for (
    const [name, value] of [
      ["upgrader", { authorize: never }],
      ["authorize", never],
      ["checkOrigin", never],
      ["error", never],
      ["subprotocols", never],
      ["negotiate", never],
      ["refuse", never],
      ["engine", "none"],
      ["readLimit", 1],
      ["keepAlive", { interval: 1, timeout: 1 }],
      ["interval", 1],
      ["level", 77],
      ["code", 1005],
      ["reason", 1],
      ["timeout", -1],
      ["onListen", never],
    ] as const
  ) {
    await polluted(name, value, async () => {
      const server = await serve(async (conn) => {
        for await (const { data } of conn) await conn.send(data, {});
      }, { port: 0, hostname: "127.0.0.1", upgrader: {} });
      const { conn } = await new Dialer({ enableCompression: {} }).dial(
        `ws://127.0.0.1:${server.addr.port}`,
      );
      await conn.send("hello", {});
      assertEquals((await conn.readMessage()).data, "hello", name);
      await server.shutdown({});
      assertEquals((await conn.closed).code, 1001, name);
    });
  }
});
