import http from "node:http";
import https from "node:https";
import net from "node:net";

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import {
  BadHandshakeError,
  CloseError,
  type CloseInfo,
  type Conn,
  Dialer,
  DialError,
  ProtocolError,
  reconnect,
  type ReconnectOptions,
  type ReconnectState,
  serve,
  type Server,
} from "../../../mod.ts";
import { accepting, withServer } from "../../support/dial_server.ts";
import { freePort } from "../../support/free_port.ts";
import { deferred, test } from "../../support/helper.ts";
import { ca, certificate } from "../../support/http_server.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { listen } from "../../support/sockets.ts";

const FAST: ReconnectOptions = { backoff: { initial: 1, max: 5 } };

/** A server on a free port, for as long as the function runs. */
async function withConns(
  onConn: (conn: Conn, nth: number) => void | Promise<void>,
  fn: (url: string, server: Server) => Promise<void>,
): Promise<void> {
  let nth = 0;
  await using server = await serve(
    (conn) => onConn(conn, ++nth),
    { port: 0, hostname: "127.0.0.1", onError: () => {} },
  );
  await fn(`ws://127.0.0.1:${server.addr.port}/`, server);
}

/** A body that reads to the end. */
async function drain(conn: Conn): Promise<void> {
  for await (const _ of conn);
}

/** Answers each request with the next of these; behind the last, upgrades. */
async function withAnswers(
  answers: readonly string[],
  fn: (url: string) => Promise<void>,
): Promise<void> {
  let nth = 0;
  await withServer(
    async (peer) => {
      const head = await peer.readHead();
      const answer = answers[nth++];
      if (answer !== undefined) {
        await peer.send(
          `HTTP/1.1 ${answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
        );
        peer.end();
        await peer.ended;
        return;
      }
      peer.send(await accepting(head));
      await peer.sendFrame({ opcode: 8, payload: new Uint8Array([3, 232]) });
      await peer.readFrame();
    },
    fn,
    { count: 0 },
  );
}

test("reconnect() dials again by the close code, and stops by it", async () => {
  const comesBack = [1001, 1005, 1011, 1012, 1013, 1014];
  const stops = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000, 4999];
  const codes = [...comesBack, undefined, 4321];
  await withConns(async (conn, nth) => {
    const code = codes[nth - 1];
    if (code === undefined) conn.terminate(); // 1006
    else await conn.close(code);
  }, async (url) => {
    let visits = 0;
    const info = await reconnect(url, async (conn) => {
      visits++;
      await drain(conn);
    }, FAST);
    assertEquals([visits, info.code, info.initiator], [
      codes.length,
      4321,
      "remote",
    ]);
  });
  for (const code of stops) {
    await withConns(async (conn) => {
      await conn.close(code, "why");
    }, async (url) => {
      const info = await reconnect(url, drain, FAST);
      assertEquals([info.code, info.reason], [code, "why"]);
    });
  }
});

test("reconnect() closes with 1000 when the body returns, and stops", async () => {
  const ended = deferred<CloseInfo>();
  await withConns(async (conn) => {
    ended.resolve(await conn.closed);
  }, async (url) => {
    const info = await reconnect(url, () => {}, FAST);
    assertEquals([info.code, info.wasClean, info.initiator], [
      1000,
      true,
      "local",
    ]);
    assertEquals((await ended.promise).code, 1000);
  });
});

test("reconnect() rejects with what the body throws, and closes with 1011", async () => {
  const ended = deferred<CloseInfo>();
  await withConns(async (conn) => {
    ended.resolve(await conn.closed);
  }, async (url) => {
    for (
      const thrown of [
        new Error("Mine"),
        new CloseError(1001, "of another connection"),
        undefined,
      ]
    ) {
      let caught: unknown = "nothing";
      await reconnect(url, () => Promise.reject(thrown), FAST)
        .catch((error) => caught = error);
      assertEquals(caught, thrown);
      assertEquals((await ended.promise).code, 1011);
    }
    const sync = await assertRejects(() =>
      reconnect(url, () => {
        throw new Error("At once");
      }, FAST)
    );
    assertEquals((sync as Error).message, "At once");
  });
});

test("reconnect() rejects with what the body throws once the connection is over", async () => {
  await withConns(async (conn) => {
    await conn.close(1001);
  }, async (url) => {
    const mine = new Error("Mine");
    const error = await assertRejects(() =>
      reconnect(url, async (conn) => {
        await drain(conn);
        throw mine;
      }, FAST)
    );
    assertEquals(error, mine);
  });
});

test("reconnect() takes the errors of reads and of writes for the body's end", async () => {
  let visits = 0;
  await withConns(async (conn, nth) => {
    await conn.close(nth < 4 ? 1012 : 1000);
  }, async (url) => {
    const info = await reconnect(url, async (conn) => {
      visits++;
      if (visits % 2 === 0) {
        for (;;) await conn.send("x".repeat(1000)); // until it throws
      }
      for (;;) await conn.readMessage();
    }, FAST);
    assertEquals([visits, info.code], [4, 1000]);
  });
});

test("reconnect() rejects with what this side has failed the connection for", async () => {
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.send(new Uint8Array([0xff, 0x80]));
    await peer.readFrame();
  }, async (url) => {
    await assertRejects(() => reconnect(url, drain, FAST), ProtocolError);
  });
  // A body that looks at nothing does not make it come back either.
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    await peer.send(new Uint8Array([0xff, 0x80]));
    await peer.readFrame();
  }, async (url) => {
    const info = await reconnect(url, async (conn) => {
      await conn.closed;
    }, FAST);
    assertInstanceOf(info.cause, ProtocolError);
  });
});

test("reconnect() waits for a server that refuses connections", async () => {
  const port = await freePort();
  const tries: unknown[] = [];
  let server: Server | undefined;
  const info = await reconnect(`ws://127.0.0.1:${port}/`, drain, {
    ...FAST,
    retry: async (error, attempt) => {
      tries.push(error instanceof DialError && error.phase);
      if (attempt === 3) {
        server = await serve((conn) => conn.close(1000).then(() => {}), {
          port,
          hostname: "127.0.0.1",
        });
      }
      return undefined;
    },
  });
  assertEquals(info.code, 1000);
  assertEquals(tries.slice(0, 3), ["connect", "connect", "connect"]);
  await server?.shutdown();
});

test("reconnect() notices a server that has vanished, by keepAlive", async () => {
  let visits = 0;
  const dialer = new Dialer({ keepAlive: { interval: 20, timeout: 20 } });
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    if (++visits === 3) {
      await peer.sendFrame({ opcode: 8, payload: new Uint8Array([3, 232]) });
      await peer.readFrame();
    } else {
      await peer.ended; // and not a word
    }
  }, async (url) => {
    const info = await reconnect(url, drain, { ...FAST, dialer });
    assertEquals([visits, info.code], [3, 1000]);
  }, { count: 3 });
});

test("reconnect() dials again after what may pass, and stops at what does not", async () => {
  const passing = [
    "503 Service Unavailable",
    "500 Oh",
    "502 Bad Gateway",
    "408 Request Timeout",
    "429 Too Many Requests",
    "302 Found\r\nLocation: /elsewhere",
    "200 OK",
  ];
  await withAnswers(passing, async (url) => {
    const attempts: number[] = [];
    const info = await reconnect(
      (attempt) => {
        attempts.push(attempt);
        return url;
      },
      drain,
      FAST,
    );
    assertEquals(info.code, 1000);
    assertEquals(attempts, [1, 2, 3, 4, 5, 6, 7, 8]);
  });
  for (const status of [400, 401, 403, 404, 407, 410, 426, 451]) {
    await withAnswers([`${status} No`], async (url) => {
      const error = await assertRejects(
        () => reconnect(url, drain, FAST),
        BadHandshakeError,
      );
      assertEquals(error.response.status, status);
    });
  }
});

test("reconnect() waits for Retry-After, capped by backoff.max", async () => {
  const date = () => new Date(Date.now() + 60_000).toUTCString();
  const delays: number[] = [];
  await withAnswers([
    "503 Oh\r\nRetry-After: 1",
    "503 Oh\r\nRetry-After: 3600",
    `429 Oh\r\nRetry-After: ${date()}`,
    "503 Oh\r\nRetry-After: soon",
    "503 Oh\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT",
  ], async (url) => {
    await reconnect(url, drain, {
      backoff: { initial: 1, max: 1_100 },
      onState: (state) => {
        if (state.state === "waiting") delays.push(state.delay);
      },
    });
  });
  const [second = 0, hour = 0, dated = 0, ...others] = delays;
  assert(second >= 1_000 && second <= 1_001, `${second}`);
  assert(hour >= 1_100 && hour <= 1_102, `${hour}`);
  assert(dated >= 1_100 && dated <= 1_104, `${dated}`);
  assert(others.every((delay) => delay <= 16), `${others}`);
});

test("reconnect() stops at a certificate that is not valid, and at no other fault of TLS", async () => {
  const server = https.createServer({ ...certificate });
  const port = await listen(server);
  const error = await assertRejects(
    () => reconnect(`wss://127.0.0.1:${port}/`, drain, FAST),
    DialError,
  );
  assertEquals(error.phase, "tls");
  const other = new Dialer({ tls: { ca, servername: "other.example" } });
  await assertRejects(
    () =>
      reconnect(`wss://127.0.0.1:${port}/`, drain, { ...FAST, dialer: other }),
    DialError,
  );
  server.close();

  // It hangs up, and then speaks no TLS.
  let count = 0;
  const plain = net.createServer((socket) => {
    socket.on("error", () => {});
    if (++count < 3) socket.destroy();
    else {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n", () => socket.destroy());
    }
  });
  const plainPort = await listen(plain);
  const phases: unknown[] = [];
  await assertRejects(
    () =>
      reconnect(`wss://127.0.0.1:${plainPort}/`, drain, {
        ...FAST,
        retry: (error, attempt) => {
          phases.push((error as DialError).phase);
          return attempt < 4 ? undefined : false;
        },
      }),
    DialError,
  );
  assertEquals(phases, ["tls", "tls", "tls", "tls"]);
  plain.close();
});

test("reconnect() lets retry() override the rules, both ways", async () => {
  await withAnswers(["404 Not Found", "404 Not Found"], async (url) => {
    const asked: [number, number][] = [];
    const info = await reconnect(url, drain, {
      ...FAST,
      retry: (error, attempt) => {
        if (error instanceof BadHandshakeError) {
          asked.push([error.response.status, attempt]);
          return true;
        }
        assertInstanceOf(error, CloseError);
        assertEquals([error.code, attempt], [1000, 3]);
        return undefined;
      },
    });
    assertEquals(info.code, 1000);
    assertEquals(asked, [[404, 1], [404, 2]]);
  });
  await withAnswers(["503 Oh"], async (url) => {
    await assertRejects(
      () =>
        reconnect(url, drain, { ...FAST, retry: () => Promise.resolve(false) }),
      BadHandshakeError,
    );
  });
  const mine = new Error("Mine");
  await withAnswers(["503 Oh"], async (url) => {
    const error = await assertRejects(() =>
      reconnect(url, drain, {
        ...FAST,
        retry: () => {
          throw mine;
        },
      })
    );
    assertEquals(error, mine);
  });
});

test("reconnect() rejects with what the function of the URL throws, unless retry() says so", async () => {
  const mine = new Error("No token");
  const error = await assertRejects(() =>
    reconnect(() => Promise.reject(mine), drain, FAST)
  );
  assertEquals(error, mine);
  await withConns((conn) => conn.close(1000).then(() => {}), async (url) => {
    let count = 0;
    const info = await reconnect(
      () => {
        if (++count < 3) throw mine;
        return new URL(url);
      },
      drain,
      { ...FAST, retry: (error) => error === mine || undefined },
    );
    assertEquals([count, info.code], [3, 1000]);
  });
});

test("reconnect() judges what the function of the URL throws by its rules", async () => {
  const down = new TypeError("No server");
  let count = 0;
  const error = await assertRejects(() =>
    reconnect(
      () => {
        if (++count === 2) throw down;
        throw new DOMException("No answer", "TimeoutError");
      },
      drain,
      FAST,
    )
  );
  assertEquals([count, error], [2, down]);
});

test("reconnect() counts attempts anew, and waits as at first, once a connection has held", async () => {
  const attempts: number[] = [];
  const gate = deferred();
  await withConns(async (conn, nth) => {
    if (nth === 3) await gate.promise;
    await conn.close(nth < 5 ? 1012 : 1000);
  }, async (url) => {
    await reconnect((attempt) => {
      attempts.push(attempt);
      return url;
    }, async (conn) => {
      if (attempts.length === 3) setTimeout(gate.resolve, 650);
      await drain(conn);
    }, { backoff: { initial: 1, max: 600 } });
  });
  assertEquals(attempts, [1, 2, 3, 1, 2]);
});

test("reconnect() tells its states", async () => {
  const states: string[] = [];
  const tell = (state: ReconnectState) => {
    states.push(
      state.state === "stopped"
        ? "stopped"
        : `${state.state} ${state.attempt}` +
          (state.state === "waiting"
            ? ` ${(state.error as Error).name} ${typeof state.delay}`
            : ""),
    );
  };
  await withAnswers(["503 Oh"], async (url) => {
    await reconnect(url, drain, { ...FAST, onState: tell });
  });
  assertEquals(states, [
    "connecting 1",
    "waiting 1 BadHandshakeError number",
    "connecting 2",
    "open 2",
    "stopped",
  ]);
});

test("reconnect() is stopped by what onState throws, at once or later", async () => {
  const thrown = new Error("Enough");
  for (const state of ["connecting", "open", "waiting", "stopped"]) {
    for (const isAsync of [false, true]) {
      const dials: string[] = [];
      await withAnswers(["503 Oh"], async (url) => {
        const running = reconnect(url, drain, {
          ...FAST,
          onState: (told) => {
            dials.push(told.state);
            if (told.state !== state) return;
            if (isAsync) return Promise.reject(thrown);
            throw thrown;
          },
        });
        assertEquals(await running.catch((error) => error), thrown);
      });
      // Nothing is dialed behind it, and the last is told in any case.
      const upTo = dials.slice(0, dials.indexOf(state) + 1);
      assertEquals(
        dials,
        state === "stopped" ? upTo : [...upTo, "stopped"],
      );
    }
  }
});

test("reconnect() waits for what onState does, unless it is aborted", async () => {
  const { promise, resolve } = deferred<void>();
  const seen: string[] = [];
  await withAnswers([], async (url) => {
    const running = reconnect(url, async (conn) => {
      seen.push("body");
      await drain(conn);
    }, {
      onState: ({ state }) => {
        if (state !== "open") return;
        setTimeout(() => {
          seen.push("told");
          resolve();
        }, 5);
        return promise;
      },
    });
    await running;
  });
  assertEquals(seen, ["told", "body"]);

  const controller = new AbortController();
  const running = reconnect("ws://127.0.0.1:1/", drain, {
    signal: controller.signal,
    onState: ({ state }) => {
      if (state !== "connecting") return;
      queueMicrotask(() => controller.abort(new Error("Enough")));
      return new Promise(() => {});
    },
  });
  await assertRejects(() => running, Error, "Enough");
});

test("reconnect() rejects with what has stopped it, and prints what onState throws behind it", async () => {
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (...args: unknown[]) => printed.push(...args);
  try {
    const running = reconnect("ws://127.0.0.1:1/", drain, {
      retry: () => false,
      onState: ({ state }) => {
        if (state === "stopped") throw "second";
      },
    });
    await assertRejects(() => running, DialError);
  } finally {
    console.error = error;
  }
  assertEquals(printed, ["second"]);
});

test("reconnect() rejects with whatever is thrown, a revoked proxy as well", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const fail = () => {
    throw proxy;
  };
  const seen: boolean[] = [];
  const stopped = (running: Promise<unknown>) =>
    running.catch((error) => seen.push(error === proxy));
  await withConns(drain, (url) => stopped(reconnect(url, fail)) as never);
  await stopped(reconnect(fail, drain, { retry: () => false }));
  await stopped(reconnect("ws://127.0.0.1:1/", drain, { retry: fail }));
  await stopped(
    reconnect("ws://127.0.0.1:1/", drain, {
      dialer: { dial: fail },
      retry: () => false,
    }),
  );
  await stopped(
    reconnect("ws://127.0.0.1:1/", drain, { signal: AbortSignal.abort(proxy) }),
  );
  assertEquals(seen, [true, true, true, true, true]);
});

test("reconnect() is stopped by its signal, whatever it does, with no timer left", async () => {
  const reason = new Error("Enough");
  const stopped = async (
    url: string,
    at: ReconnectState["state"],
    body: (conn: Conn) => Promise<void>,
    options: ReconnectOptions = FAST,
  ) => {
    const controller = new AbortController();
    const running = reconnect(url, body, {
      ...options,
      signal: controller.signal,
      onState: ({ state }) => {
        if (state === at) setTimeout(() => controller.abort(reason), 5);
      },
    });
    assertEquals(await assertRejects(() => running), reason);
  };
  const aborted = AbortSignal.abort(reason);
  assertEquals(
    await assertRejects(() =>
      reconnect("ws://127.0.0.1:1/", drain, { signal: aborted })
    ),
    reason,
  );
  // While it dials a server that says nothing.
  await withServer(async (peer) => {
    await peer.ended;
  }, (url) => stopped(url, "connecting", drain));
  // While it waits for minutes.
  await stopped("ws://127.0.0.1:1/", "waiting", drain, {
    backoff: { initial: 600_000, max: 600_000 },
  });
  // In the turn in which the wait begins.
  const atOnce = new AbortController();
  const giving = reconnect("ws://127.0.0.1:1/", drain, {
    backoff: { initial: 600_000, max: 600_000 },
    signal: atOnce.signal,
    onState: ({ state }) => {
      if (state === "waiting") atOnce.abort(reason);
    },
  });
  assertEquals(await assertRejects(() => giving), reason);
  // While the connection is open: it is closed with 1000.
  const ended: CloseInfo[] = [];
  await withConns(async (conn) => {
    ended.push(await conn.closed);
  }, async (url) => {
    await stopped(url, "open", drain);
    // Also one whose body does not end with it.
    await stopped(url, "open", () => new Promise(() => {}));
  });
  assertEquals(ended.map(({ code }) => code), [1000, 1000]);
  // While a function of the URL takes its time.
  const controller = new AbortController();
  const running = reconnect(() => new Promise(() => {}), drain, {
    signal: controller.signal,
  });
  controller.abort(reason);
  assertEquals(await assertRejects(() => running), reason);
});

test("reconnect() is stopped by its signal though its callbacks ignore it", async () => {
  const reason = new Error("Enough");
  const stopped = async (options: ReconnectOptions, reached: Promise<void>) => {
    const controller = new AbortController();
    const { signal } = controller;
    const running = reconnect("ws://127.0.0.1:1/", drain, {
      ...options,
      signal,
    });
    await reached;
    controller.abort(reason);
    assertEquals(await assertRejects(() => running), reason);
  };
  const asked = deferred<void>();
  await stopped({
    retry: () => {
      asked.resolve();
      return new Promise(() => {});
    },
  }, asked.promise);

  const dialed = deferred<void>();
  const late = deferred<{ conn: Conn }>();
  await stopped({
    dialer: {
      dial: () => {
        dialed.resolve();
        return late.promise;
      },
    },
  }, dialed.promise);
  // What it makes after that is not left open.
  const [conn, peer] = pipe();
  late.resolve({ conn });
  assertEquals((await peer.closed).code, 1006);
  await conn.closed;
});

test("reconnect() waits for the longest times, too", async () => {
  const controller = new AbortController();
  const states: string[] = [];
  await withAnswers(
    ["503 Oh\r\nRetry-After: 3000000"],
    async (url) => {
      const running = reconnect(url, drain, {
        backoff: { initial: 1, max: 2 ** 31 - 1 },
        signal: controller.signal,
        onState: ({ state }) => {
          states.push(state);
          // It would be told of the next dial by then.
          if (state === "waiting") setTimeout(() => controller.abort(), 50);
        },
      });
      await assertRejects(() => running);
    },
  );
  assertEquals(states, ["connecting", "waiting", "stopped"]);
});

test("reconnect() leaves nothing on its signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    listeners++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--;
    Reflect.apply(removeEventListener, signal, args);
  };
  await withConns(async (conn, nth) => {
    await conn.close(nth < 10 ? 1012 : 1000);
  }, async (url) => {
    await reconnect(() => Promise.resolve(url), drain, { ...FAST, signal });
  });
  assertEquals(listeners, 0);
});

test(
  "reconnect() comes back over 200 restarts of the server, without a leak",
  async () => {
    const port = await freePort();
    const RESTARTS = 200;
    let visits = 0;
    let open = 0;
    const start = async (): Promise<Server> =>
      await serve((conn) => conn.closed.then(() => {}), {
        port,
        hostname: "127.0.0.1",
      });
    let server = await start();
    const restart = async (): Promise<void> => {
      await server.shutdown();
      server = await start();
    };
    let restarted: Promise<void> | undefined;
    const info = await reconnect(`ws://127.0.0.1:${port}/`, async (conn) => {
      assertEquals(++open, 1);
      await restarted;
      if (++visits <= RESTARTS) {
        restarted = restart();
        await drain(conn);
      }
      open--;
    }, FAST);
    assertEquals([info.code, open, visits], [1000, 0, RESTARTS + 1]);
    await server.shutdown();
  },
  { timeout: 60_000 },
);

test("reconnect() refuses what is wrong at once, and is not dialed again for a wrong URL", async () => {
  const wrong: [unknown[], RegExp][] = [
    [["ws://localhost/", undefined], /body of type undefined/],
    [["ws://localhost/", drain, { dialer: {} }], /must have the method dial/],
    [["ws://localhost/", drain, { retry: 1 }], /option retry/],
    [["ws://localhost/", drain, { onState: 1 }], /option onState/],
    [["ws://localhost/", drain, { initial: 1 }], /it belongs in backoff/],
    [
      ["ws://localhost/", drain, { backoff: { initail: 1 } }],
      /did you mean initial/,
    ],
    [["ftp://localhost/", drain], /scheme/],
    [["nowhere", drain], /malformed/],
  ];
  for (const [args, message] of wrong) {
    const error = await assertRejects(
      () => (reconnect as (...args: unknown[]) => Promise<unknown>)(...args),
      TypeError,
    );
    assertMatch(error.message, message);
  }
  for (const backoff of [{ initial: 0 }, { max: -1 }, { max: Infinity }]) {
    await assertRejects(
      () => reconnect("ws://localhost/", drain, { backoff }),
      RangeError,
    );
  }
});

test("reconnect() dials with whatever has a dial()", async () => {
  await withConns((conn) => conn.close(1000).then(() => {}), async (url) => {
    const asked: string[] = [];
    const dialer = new Dialer();
    await reconnect(url, drain, {
      dialer: {
        dial: (url, options) => {
          asked.push(String(url));
          return dialer.dial(url, options);
        },
      },
    });
    assertEquals(asked, [url]);
  });
});

test("reconnect() comes back through an http server of the application's", async () => {
  let requests = 0;
  const server = http.createServer((_request, response) => {
    response.statusCode = 503;
    response.end();
  });
  server.on("upgrade", (_request, socket) => {
    requests++;
    socket.end("HTTP/1.1 503 Oh\r\nConnection: close\r\n\r\n");
    if (requests === 2) server.close();
  });
  const port = await listen(server);
  await assertRejects(
    () =>
      reconnect(`ws://127.0.0.1:${port}/`, drain, {
        ...FAST,
        retry: (error) => error instanceof BadHandshakeError ? true : false,
      }),
    DialError,
  );
  assertEquals(requests, 2);
});
