/** What becomes of an upgrade's socket between its request and its answer. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import {
  type AddressInfo,
  type ServerOptions,
  type VerifyClientCallback,
  type VerifyClientCallbackAsync,
  WebSocket,
  WebSocketServer,
} from "../../../src/ws/mod.ts";
import { deferred, test } from "../../support/helper.ts";
import {
  answerOf,
  connectRaw,
  head,
  onBoth,
  startHttp,
  text,
  UPGRADE,
  upgrade,
} from "../../support/http_server.ts";
import { maskedFrame } from "../../support/raw_peer.ts";
import { turn, until } from "../../suite/fixture.ts";
import { message, next } from "./support.ts";

for (const verified of [true, false]) {
  onBoth(
    `WebSocketServer stops a client that floods until verifyClient says ${verified}`,
    async (carrier) => {
      const asked = deferred<VerifyClientCallback>();
      await using server = await startHttp(carrier, () => {});
      const wss = new WebSocketServer({
        server: server.server,
        verifyClient: (_info, callback) => asked.resolve(callback),
      });
      const opened = next(wss, "connection");
      const peer = await connectRaw(carrier, server.port);
      peer.send(head(...UPGRADE));
      const tell = await asked.promise;
      const message = maskedFrame(2, new Uint8Array(2 ** 20));
      let sent = 0;
      let before = -1;
      for (let i = 0; i < 64; i++) {
        peer.send(message).then(() => void sent++, () => {});
      }
      while (sent !== before) {
        before = sent;
        for (let i = 0; i < 50; i++) await turn();
      }
      assert(sent < 32, `${sent} MiB were taken`);
      tell(verified);
      if (verified) {
        const [ws] = await opened as [WebSocket];
        let came = 0;
        const all = deferred();
        ws.on("message", () => void (++came === 64 && all.resolve()));
        await all.promise;
        ws.terminate();
      }
      const status = verified ? " 101 " : " 401 ";
      assertStringIncludes(await peer.readHead(), status);
      peer.destroy();
      await peer.closed;
      wss.close();
      await next(wss, "close");
    },
  );
}

onBoth(
  "WebSocketServer.handleUpgrade() leaves a connection's socket as it is",
  async (carrier) => {
    const wss = new WebSocketServer({ noServer: true });
    const second = new WebSocketServer({
      noServer: true,
      verifyClient: (_info, _callback) => {},
    });
    const came = deferred<WebSocket>();
    const again = deferred<() => void>();
    await using server = await startHttp(carrier, (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, came.resolve);
      again.resolve(() =>
        second.handleUpgrade(request, socket, head, () => {})
      );
    });
    const peer = await upgrade(carrier, server.port);
    const ws = await came.promise;
    peer.send(maskedFrame(1, text("first")));
    assertEquals(await message(ws), ["first", false]);
    (await again.promise)();
    peer.send(maskedFrame(1, text("a")));
    assertEquals(await message(ws), ["a", false]);
    ws.terminate();
    peer.destroy();
    await peer.closed;
  },
);

for (
  const [when, verify] of [
    ["at once", () => true],
    ["with a refusal", () => false],
  ] as const
) {
  onBoth(
    `WebSocketServer does not answer ${when} while an earlier answer is due`,
    async (carrier) => {
      await using server = await startHttp(carrier, () => {});
      const wss = new WebSocketServer({
        server: server.server,
        verifyClient: verify,
      });
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
      for (const answer of answers.splice(0)) answer();
      for (let i = 0; i < 10; i++) await turn();
      peer.end();
      const all = new TextDecoder().decode(await peer.readRest());
      assert(!/ (101|401) /.test(all) || /late[^]* (101|401) /.test(all), all);
      peer.destroy();
      await peer.closed;
      for (const ws of wss.clients) ws.terminate();
      wss.close();
      await next(wss, "close");
    },
  );
}

for (const verified of [true, false]) {
  onBoth(
    `WebSocketServer does not answer ${verified} of verifyClient where another answer is due`,
    async (carrier) => {
      await using server = await startHttp(carrier, () => {});
      let tell: VerifyClientCallback | undefined;
      const wss = new WebSocketServer({
        server: server.server,
        verifyClient: (_info, callback) => void (tell = callback),
      });
      const answers: (() => void)[] = [];
      server.server.removeAllListeners("request");
      server.server.on("request", ({ url }, response) => {
        if (url === "/") response.end("x".repeat(100));
        else answers.push(() => response.end("late"));
      });
      const peer = await connectRaw(carrier, server.port);
      peer.send(
        head("GET / HTTP/1.1", "Host: a") + head("GET /b HTTP/1.1", "Host: a") +
          head(...UPGRADE),
      );
      await until(() => answers.length > 0, "the second request");
      for (let i = 0; i < 10; i++) await turn();
      // On Bun the upgrade comes behind the answer.
      for (let i = 0; i < 2; i++) {
        tell?.(verified);
        for (const answer of answers.splice(0)) answer();
        for (let i = 0; i < 10; i++) await turn();
      }
      peer.end();
      const all = new TextDecoder().decode(await peer.readRest());
      assert(!/ (101|401) /.test(all) || /late[^]* (101|401) /.test(all), all);
      peer.destroy();
      await peer.closed;
      for (const ws of wss.clients) ws.terminate();
      wss.close();
      await next(wss, "close");
    },
  );
}

/** What handleUpgrade() throws, and what the client is answered. */
async function thrownBy(
  options: ServerOptions,
  prepare: (wss: WebSocketServer) => void = () => {},
): Promise<[error: Error, answer: string]> {
  const wss = new WebSocketServer({ noServer: true, ...options });
  prepare(wss);
  const thrown = deferred<Error>();
  await using server = await startHttp("TCP", (request, socket, head) => {
    const call = () => wss.handleUpgrade(request, socket, head, () => {});
    thrown.resolve(assertThrows(call, Error));
  });
  const request = head(...UPGRADE, "Sec-WebSocket-Protocol: a");
  const { head: answer } = await answerOf("TCP", server.port, request);
  return [await thrown.promise, answer];
}

test("WebSocketServer answers 500 where the application's code throws", async () => {
  const fail = () => {
    throw new Error("mine");
  };
  const cases: Parameters<typeof thrownBy>[] = [
    [{ verifyClient: fail }],
    [{ verifyClient: (_info, _callback) => fail() }],
    [{ handleProtocols: fail }],
    [{
      verifyClient: (_info, callback) => callback(true),
      handleProtocols: fail,
    }],
    [{}, (wss) => wss.on("headers", fail)],
    [{}, (wss) => wss.shouldHandle = fail],
    [{
      WebSocket: class extends WebSocket {
        readonly mine = fail();
      },
    }],
  ];
  for (const [options, prepare] of cases) {
    const [error, answer] = await thrownBy(options, prepare);
    assertEquals(error.message, "mine");
    assertMatch(answer, /^HTTP\/1\.1 500 /);
  }
});

test("WebSocketServer lets nobody in by a verifyClient that returns no boolean", async () => {
  for (
    const [verifyClient, what] of [
      [() => Promise.resolve(false), "Promise"],
      [() => Promise.reject(new Error("mine")), "Promise"],
      [() => ({ then: () => {} }), "Object"],
      [() => () => false, "function"],
    ] as const
  ) {
    const [error, answer] = await thrownBy({
      verifyClient: verifyClient as never,
    });
    assert(error instanceof TypeError);
    assertEquals(
      error.message,
      `Cannot verify client: verifyClient returned ${what}, not a boolean; ` +
        "to tell later, use verifyClient(info, callback)",
    );
    assertMatch(answer, /^HTTP\/1\.1 500 /);
  }
});

/** What the client of a server is answered. */
async function answerBy(wss: WebSocketServer): Promise<string> {
  await next(wss, "listening");
  const { port } = wss.address() as AddressInfo;
  try {
    return (await answerOf("TCP", port, head(...UPGRADE))).head;
  } finally {
    for (const ws of wss.clients) ws.terminate();
    wss.close();
    await next(wss, "close");
  }
}

test("WebSocketServer answers 500 where an async verifyClient rejects, and tells of it", async () => {
  const mine = new Error("mine");
  const verifyClient: VerifyClientCallbackAsync = async (_info, _callback) => {
    await Promise.resolve();
    throw mine;
  };
  const options = { port: 0, host: "127.0.0.1", verifyClient };
  const told: unknown[] = [];

  const listening = new WebSocketServer(options);
  listening.on("error", (error) => told.push(error));
  assertMatch(await answerBy(listening), /^HTTP\/1\.1 500 /);
  assertEquals(told.splice(0), [mine]);

  const answering = new WebSocketServer(options);
  answering.on("error", () => assert(false));
  answering.on("wsClientError", (error, socket, { url }) => {
    told.push(error, url);
    socket.end("HTTP/1.1 503 Mine\r\nConnection: close\r\n\r\n");
  });
  assertMatch(await answerBy(answering), /^HTTP\/1\.1 503 Mine/);
  assertEquals(told.splice(0), [mine, "/"]);

  const { error } = console;
  console.error = (what: unknown) => void told.push(what);
  try {
    assertMatch(
      await answerBy(new WebSocketServer(options)),
      /^HTTP\/1\.1 500 /,
    );
  } finally {
    console.error = error;
  }
  assertEquals(told, [mine]);
});

test("WebSocketServer tells of an async verifyClient that rejects behind its verdict", async () => {
  const mine = new Error("mine");
  for (const verdict of [true, false]) {
    const wss = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      verifyClient: async (_info, callback) => {
        await Promise.resolve();
        callback(verdict);
        throw mine;
      },
    });
    // The upgraded connection ends, so that the answer does.
    wss.on("connection", (ws) => ws.terminate());
    const told: unknown[] = [];
    wss.on("error", (error) => told.push(error));
    wss.on("wsClientError", () => assert(false));
    assertMatch(
      await answerBy(wss),
      verdict ? /^HTTP\/1\.1 101 / : /^HTTP\/1\.1 401 /,
    );
    assertEquals(told, [mine]);
  }
  const wss = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    verifyClient: async (_info, callback) => {
      await Promise.resolve();
      callback(true);
    },
  });
  const told: unknown[] = [];
  wss.on("error", (error) => told.push(error));
  wss.on("headers", () => {
    throw mine;
  });
  assertMatch(await answerBy(wss), /^HTTP\/1\.1 500 /);
  assertEquals(told, [mine]);
});

test("WebSocketServer handles nothing by a shouldHandle() that returns no boolean", async () => {
  const results = [
    () => Promise.resolve(false),
    () => Promise.reject(new Error("mine")),
  ];
  for (const result of results) {
    const [error, answer] = await thrownBy({}, (wss) => {
      wss.shouldHandle = result as never;
    });
    assert(error instanceof TypeError);
    assertEquals(
      error.message,
      "Cannot handle upgrade: shouldHandle() returned Promise, not a boolean; " +
        "to tell later, use verifyClient(info, callback)",
    );
    assertMatch(answer, /^HTTP\/1\.1 500 /);
  }
});

test("WebSocketServer sends no subprotocol that is no token", async () => {
  for (
    const [handleProtocols, what] of [
      [() => Promise.resolve("a"), "Promise"],
      [() => Promise.reject(new Error("mine")), "Promise"],
      [() => 5, "number"],
      [() => true, "boolean"],
      [() => "a, b", '"a, b"'],
    ] as const
  ) {
    const [error, answer] = await thrownBy({
      handleProtocols: handleProtocols as never,
    });
    assert(error instanceof TypeError);
    assertEquals(
      error.message,
      `Cannot choose subprotocol: handleProtocols returned ${what}, ` +
        "return one of those offered, or false",
    );
    assertMatch(answer, /^HTTP\/1\.1 500 /);
  }
});
