import { lookup } from "node:dns/promises";
import net from "node:net";

import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";
import { Dialer, type DialerOptions } from "../../../src/client/dialer.ts";
import { DialError } from "../../../src/errors.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { NetDial } from "../../../src/client/connect.ts";
import { RawPeer } from "../../../src/testing/raw_peer.ts";
import { pipeStreams } from "../../../src/testing/pipe_stream.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { accepting, answering, withServer } from "../../support/dial_server.ts";
import { deferred, test } from "../../support/helper.ts";
import { connect, listen } from "../../support/sockets.ts";
import { record, turn } from "../../support/recorder.ts";

async function failure(
  url: string,
  options: DialerOptions = {},
  signal?: AbortSignal,
): Promise<unknown> {
  const dialer = new Dialer(options);
  const result = await dialer.dial(url, signal === undefined ? {} : { signal })
    .catch((error) => error);
  assertInstanceOf(result, Error);
  return result;
}

function assertTimeout(error: unknown, step: string): void {
  assertInstanceOf(error, DOMException);
  assertEquals(error.name, "TimeoutError");
  assertEquals(error.message.includes(step), true, error.message);
  const phases: Record<string, string> = {
    "ask": "connect",
    "connect": "connect",
    "speak": "tls",
    "shake": "http",
  };
  assertEquals(
    (error as DOMException & { phase?: string }).phase,
    phases[step.split(" ")[1]!],
  );
}

test("attemptDial() gives up a jar that takes too long, and says so", async () => {
  const never = () => new Promise<never>(() => {});
  const asked = await failure("ws://a/", {
    jar: { getCookies: never, setCookies: () => {} },
    handshakeTimeout: 10,
  });
  assertTimeout(asked, "Cannot ask the jar about a:80: the handshake took");
});

test("DialError.message shows no control and direction characters", async () => {
  const url = "ws+unix:/nowhere/a%0d%0aInjected:%20line%1b[2J%e2%80%ae:/";
  const error = await failure(url.replace("Injected:", "Injected%3A"));
  assertInstanceOf(error, DialError);
  assertEquals(
    error.message,
    "Cannot connect to /nowhere/a\\u000d\\u000aInjected: line\\u001b[2J" +
      "\\u202e: ENOENT",
  );
  assertEquals(
    error.address,
    "/nowhere/a\r\nInjected: line\u001b[2J\u202e",
  );

  const late = await failure(url.replace("Injected:", "Injected%3A"), {
    netDial: stuck().netDial,
    handshakeTimeout: 10,
  });
  assertEquals(/[\p{Cc}\p{Cf}]/u.test((late as Error).message), false);

  const netDial = () => {
    throw Object.assign(new Error("fault"), { code: "E\r\nINJECTED" });
  };
  const told = await failure("ws://a/", { netDial });
  assertEquals(
    (told as Error).message,
    "Cannot connect to a:80: E\\u000d\\u000aINJECTED",
  );
});

/** A function for `netDial` that does not end before it is given up. */
function stuck(): { netDial: NetDial; signal: Promise<AbortSignal> } {
  const { promise, resolve } = deferred<AbortSignal>();
  const netDial: NetDial = (_address, { signal }) => {
    resolve(signal);
    return new Promise(() => {});
  };
  return { netDial, signal: promise };
}

test("attemptDial() gives up a connection that takes too long", async () => {
  const { netDial, signal } = stuck();
  const error = await failure("ws://a/", { netDial, handshakeTimeout: 10 });
  assertTimeout(
    error,
    "Cannot connect to a:80: the handshake took more than 10 ms",
  );
  assertEquals((await signal).aborted, true);
});

test("attemptDial() gives up a server that is silent", async () => {
  for (const sent of ["", "HTTP/1.1 101 Switching Protocols\r\nUpgr"]) {
    await withServer(answering(sent), async (url) => {
      const error = await failure(url, { handshakeTimeout: 1000 });
      assertTimeout(error, "Cannot shake hands with 127.0.0.1:");
    });
  }
});

test("attemptDial() gives up a server that is silent in TLS", async () => {
  await withServer(async (peer) => {
    await peer.ended;
  }, async (url) => {
    const error = await failure(url.replace("ws:", "wss:"), {
      handshakeTimeout: 1000,
    });
    assertTimeout(error, "Cannot speak TLS with 127.0.0.1:");
  });
});

test("attemptDial() gives up a server that sends 1xx answers for ever", async () => {
  await withServer(async (peer) => {
    await peer.readHead();
    let open = true;
    peer.closed.then(() => open = false);
    while (open) {
      await peer.send("HTTP/1.1 102 Processing\r\n\r\n").catch(() =>
        open = false
      );
      await turn();
    }
  }, async (url) => {
    const error = await failure(url, { handshakeTimeout: 1000 });
    // Or the 64 KiB are full before.
    if (error instanceof DialError) assertEquals(error.phase, "http");
    else assertTimeout(error, "Cannot shake hands");
  });
});

test("attemptDial() shows a refusal whose body is cut by the timeout", async () => {
  await withServer(
    answering("HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nabc"),
    async (url) => {
      const error = await failure(url, { handshakeTimeout: 1000 });
      assertInstanceOf(error, BadHandshakeError);
      assertEquals(new TextDecoder().decode(error.response.body), "abc");
    },
  );
});

test("attemptDial() does nothing if the signal is aborted before", async () => {
  const reason = new Error("before");
  const netDial: NetDial = () => {
    throw new Error("It connects");
  };
  const error = await failure(
    "ws://a/",
    { netDial },
    AbortSignal.abort(reason),
  );
  assertStrictEquals(error, reason);
});

test("attemptDial() gives up a lookup or a connection by its signal", async () => {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.on("close", () => {});
    socket.resume();
  });
  const port = await listen(server);
  try {
    for (const host of ["localhost", "127.0.0.1"]) {
      const controller = new AbortController();
      const failed = failure(`ws://${host}:${port}/`, {}, controller.signal);
      // In the very turn that began it.
      const reason = new Error("enough");
      controller.abort(reason);
      assertStrictEquals(await failed, reason);
    }
    // No lookup can be called off: the one given up ends before so many others.
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 64 }, () => lookup("localhost")));
    }
  } finally {
    server.close();
  }
});

test("attemptDial() gives up netDial by its signal and destroys what comes late", async () => {
  const [stream, other] = pipeStreams();
  const there = record(other);
  const late = deferred<typeof stream>();
  const called = deferred<AbortSignal>();
  const controller = new AbortController();
  const failed = failure("wss://a/", {
    netDial: (_address, { signal }) => {
      called.resolve(signal);
      return late.promise;
    },
  }, controller.signal);
  const signal = await called.promise;
  assertEquals(signal.aborted, false);
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await failed, reason);
  assertEquals(signal.aborted, true);
  late.resolve(stream);
  await there.untilEnd();
});

test("attemptDial() gives up TLS by its signal", async () => {
  const controller = new AbortController();
  await withServer(async (peer) => {
    await peer.readBytes(5); // the client has begun
    controller.abort();
    await peer.ended;
  }, async (url) => {
    const { signal } = controller;
    const error = await failure(url.replace("ws:", "wss:"), {}, signal);
    assertEquals((error as Error).name, "AbortError");
  });
});

test("attemptDial() gives up the exchange by its signal", async () => {
  const controller = new AbortController();
  await withServer(async (peer) => {
    await peer.readHead();
    controller.abort();
    await peer.ended;
  }, async (url) => {
    const error = await failure(url, {}, controller.signal);
    assertEquals((error as Error).name, "AbortError");
  });
});

test("attemptDial() gives up the body of a refusal by its signal", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  await withServer(async (peer) => {
    await peer.readHead();
    await peer.send("HTTP/1.1 500 No\r\n\r\nabc");
    controller.abort(reason);
    await peer.ended;
  }, async (url) => {
    assertStrictEquals(await failure(url, {}, controller.signal), reason);
  });
});

test("attemptDial() leaves no listener on the signal", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await withServer(
    answering("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
    async (url) => {
      assertInstanceOf(await failure(url, {}, signal), BadHandshakeError);
    },
  );
  await withServer(answering(accepting), async (url) => {
    const { conn } = await new Dialer().dial(url, { signal });
    // It bounds the dial, not the connection.
    controller.abort();
    assertEquals(conn.state, "open");
    conn.terminate();
    await conn.closed;
  });
  assertEquals(listeners, 0);
});

test("attemptDial() goes over the ByteStream that netDial brings", async () => {
  const [here, there] = pipeStreams({ chunkSize: 3 });
  const seen: unknown[] = [];
  const dialer = new Dialer({
    netDial: (address) => {
      seen.push(address);
      return here;
    },
  });
  const dialed = dialer.dial("ws://[::1]:8080/a", { headers: { Host: "b" } });
  const peer = new RawPeer(there, "server");
  const head = await peer.readHead();
  assertEquals(/\r\nHost: b\r\n/.test(head), true);
  peer.send(await accepting(head));
  const { conn } = await dialed;
  assertEquals(seen, [{ hostname: "::1", port: 8080 }]);
  conn.send("Hello");
  await peer.expectFrame({ opcode: 1, payload: "Hello" });
  conn.terminate();
  await conn.closed;
});

test("attemptDial() goes over the socket that netDial brings", async () => {
  await withServer(answering(accepting), async (url) => {
    const port = Number(new URL(url).port);
    const dialer = new Dialer({ netDial: () => connect(port) });
    const { conn } = await dialer.dial("ws://elsewhere.invalid/");
    conn.terminate();
    await conn.closed;
  });
});

for (
  const [name, netDial] of [
    ["throws", () => {
      throw new Error("no way");
    }],
    ["rejects", () => Promise.reject(new Error("no way"))],
  ] as [string, NetDial][]
) {
  test(`attemptDial() tells the cause if netDial ${name}`, async () => {
    const error = await failure("ws://a/", { netDial }) as DialError;
    assertInstanceOf(error, DialError);
    assertEquals([error.phase, error.address], ["connect", "a:80"]);
    assertEquals((error.cause as Error).message, "no way");
  });
}

test("attemptDial() tells if netDial brings no stream", async () => {
  for (const nothing of [undefined, null, 1, {}]) {
    const netDial = () => nothing as never;
    const error = await failure("ws://a/", { netDial }) as DialError;
    assertInstanceOf(error, DialError);
    assertInstanceOf(error.cause, TypeError);
  }
});

test("attemptDial() speaks TLS over what netDial brings", async () => {
  const authority = makeAuthority("CA");
  const tls = authority.issue("inner.example");
  for (const how of ["stream", "socket"]) {
    await withServer(async (peer) => {
      peer.send(await accepting(await peer.readHead()));
      await peer.expectFrame({ opcode: 1, payload: "Hello" });
      await peer.sendFrame({ opcode: 2, payload: new Uint8Array(200_000) });
      await peer.ended;
    }, async (url) => {
      const port = Number(new URL(url).port);
      const dialer = new Dialer({
        tls: { ca: authority.cert },
        netDial: async () => {
          const socket = await connect(port);
          return how === "socket" ? socket : relay(socket);
        },
      });
      const { conn } = await dialer.dial("wss://inner.example/");
      conn.send("Hello");
      const { data } = await conn.readMessage();
      assertEquals(data.length, 200_000);
      conn.terminate();
      await conn.closed;
    }, { tls });
  }
});

/** A pipe whose other end is the socket: a stream that is no node socket. */
function relay(socket: net.Socket): ReturnType<typeof pipeStreams>[0] {
  const [here, there] = pipeStreams();
  socket.on("data", (chunk) => there.write(chunk, () => {}));
  socket.on("close", () => there.destroy());
  there.start({
    data: (chunk) => socket.write(chunk),
    end: () => socket.end(),
    closed: () => socket.destroy(),
  });
  return here;
}
