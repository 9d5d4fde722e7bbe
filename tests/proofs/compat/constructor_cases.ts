/** The constructor's steps, and how a connection is established or fails. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { accepting, withServer } from "../../support/dial_server.ts";
import { deferred } from "../../support/helper.ts";
import { closed, type Socket, type SocketClass } from "./targets.ts";

/** A sentence of the standard, and what shows it of a class. */
export type ClassCase = (type: SocketClass) => void | Promise<void>;

/** Calls must throw a DOMException of the name. */
export function throwsDOM(name: string, call: () => unknown): void {
  const error = assertThrows(call, DOMException);
  assertEquals(error.name, name);
}

/** The events of a socket from its making to its close. */
async function eventsOf(socket: Socket): Promise<string[]> {
  const events: string[] = [];
  for (const type of ["open", "message", "error"]) {
    socket.addEventListener(type, () => {
      events.push(`${type} ${socket.readyState}`);
    });
  }
  const { code, reason, wasClean } = await closed(socket);
  return [
    ...events,
    `close ${socket.readyState} ${code} ${JSON.stringify(reason)} ${wasClean}`,
  ];
}

const FAILED = ["error 3", 'close 3 1006 "" false'];

/** Dials a server that answers so; its events are those of a failure. */
async function fails(
  type: SocketClass,
  answer: string | ((head: string) => string | Promise<string>),
  protocols: string[] = [],
): Promise<void> {
  await withServer(async (peer) => {
    const head = await peer.readHead();
    peer.send(typeof answer === "string" ? answer : await answer(head));
    // The close frame of one that has opened all the same.
    await peer.readFrame().catch(() => {});
  }, async (url) => {
    const socket = new type(url, protocols);
    socket.addEventListener("open", () => socket.close());
    assertEquals(await eventsOf(socket), FAILED);
  });
}

/** Opens a connection, looks at the request and the socket, and closes it. */
async function opens(
  make: (url: string) => Socket,
  headers: readonly string[],
  look: (socket: Socket, head: string) => void,
): Promise<void> {
  const request = deferred<string>();
  await withServer(async (peer) => {
    const head = await peer.readHead();
    peer.send(await accepting(head, ...headers));
    request.resolve(head);
    await peer.readFrame();
    await peer.send(new Uint8Array([0x88, 0x00]));
  }, async (url) => {
    const socket = make(url);
    const over = closed(socket);
    const { promise, resolve, reject } = deferred();
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("error event")));
    await promise;
    look(socket, await request.promise);
    socket.close();
    await over;
  });
}

/** By what the standard says. */
export const CLASS_CASES: Record<string, ClassCase> = {
  "the constructor needs a URL, and new": (type) => {
    assertThrows(() => new (type as unknown as new () => Socket)(), TypeError);
    assertThrows(
      () => (type as unknown as (url: string) => void)("ws://localhost/"),
      TypeError,
    );
  },
  "if the URL is failure, a SyntaxError is thrown": (type) => {
    for (
      const url of ["", "ws://", "ws://a b/", "ws://localhost:99999/", "/a"]
    ) {
      throwsDOM("SyntaxError", () => new type(url));
    }
  },
  "if the URL's scheme is neither ws nor wss, a SyntaxError is thrown": (
    type,
  ) => {
    for (
      const url of ["ftp://localhost/", "file:///a", "mailto:a@b", "ws+a:b"]
    ) {
      throwsDOM("SyntaxError", () => new type(url));
    }
  },
  "if the URL's fragment is not null, a SyntaxError is thrown": (type) => {
    throwsDOM("SyntaxError", () => new type("ws://localhost/#a"));
    throwsDOM("SyntaxError", () => new type(new URL("ws://localhost/#a")));
  },
  "an empty fragment is not null": (type) => {
    throwsDOM("SyntaxError", () => new type("ws://localhost/#"));
  },
  "if a protocol is no token, a SyntaxError is thrown": (type) => {
    for (const name of ["", " ", "a b", "a,b", "a\u0080", '"a"', "a\n", "é"]) {
      throwsDOM("SyntaxError", () => new type("ws://localhost/", name));
      throwsDOM("SyntaxError", () => new type("ws://localhost/", ["a", name]));
    }
  },
  "if a protocol occurs more than once, a SyntaxError is thrown": (type) => {
    throwsDOM("SyntaxError", () => new type("ws://localhost/", ["a", "a"]));
    throwsDOM(
      "SyntaxError",
      () => new type("ws://localhost/", ["a", "b", "a"]),
    );
  },
  "protocols that differ by their case alone are the same": (type) => {
    throwsDOM("SyntaxError", () => new type("ws://localhost/", ["a", "A"]));
  },
  "a scheme of http is set to ws, and one of https to wss": async (type) => {
    await opens(
      (url) => {
        const socket = new type(url.replace("ws:", "http:"));
        assertEquals(socket.url, url);
        return socket;
      },
      [],
      () => {},
    );
    const socket = new type("https://127.0.0.1:1/a");
    const over = closed(socket);
    assertEquals(socket.url, "wss://127.0.0.1:1/a");
    await over;
  },
  "url is the URL, serialized": async (type) => {
    const socket = new type("WS://127.0.0.1:1/a b?ü");
    const over = closed(socket);
    assertEquals(socket.url, "ws://127.0.0.1:1/a%20b?%C3%BC");
    await over;
  },
  "the URL is any object's text, and lone surrogates in it are U+FFFD": async (
    type,
  ) => {
    const url = { toString: () => "ws://127.0.0.1:1/\ud800" };
    const socket = new type(url as string);
    const over = closed(socket);
    assertEquals(socket.url, "ws://127.0.0.1:1/%EF%BF%BD");
    await over;
  },
  "at first readyState is CONNECTING, and all else is empty": async (type) => {
    await opens(
      (url) => {
        const socket = new type(url);
        assertEquals(socket.readyState, 0);
        assertEquals(socket.bufferedAmount, 0);
        assertEquals([socket.extensions, socket.protocol], ["", ""]);
        return socket;
      },
      [],
      () => {},
    );
  },
  "at first binaryType is blob": async (type) => {
    const socket = new type("ws://127.0.0.1:1/");
    const over = closed(socket);
    assertEquals(socket.binaryType, "blob");
    await over;
  },
  "the request is a GET of path and query, for WebSocket 13": async (type) => {
    await opens((url) => new type(`${url}a?b=c`), [], (_socket, head) => {
      assertMatch(head, /^GET \/a\?b=c HTTP\/1\.1\r\n/);
      assertMatch(head, /\r\nupgrade: websocket\r\n/i);
      assertMatch(head, /\r\nconnection: upgrade\r\n/i);
      assertMatch(head, /\r\nsec-websocket-version: 13\r\n/i);
      assertMatch(head, /\r\nsec-websocket-key: [^\r]{22}==\r\n/i);
      assert(!/\r\nsec-websocket-protocol:/i.test(head));
    });
  },
  "the request has the protocols, in their order": async (type) => {
    for (const protocols of ["b", ["b"], new Set(["b", "a"]), ["b", "a"]]) {
      await opens(
        (url) => new type(url, protocols as string[]),
        ["Sec-WebSocket-Protocol: b"],
        (socket, head) => {
          const sent = /\r\nsec-websocket-protocol: (.*)\r\n/i.exec(head)?.[1];
          assertEquals(
            sent?.split(/, ?/),
            typeof protocols === "string" ? ["b"] : [...protocols],
          );
          assertEquals(socket.protocol, "b");
        },
      );
    }
  },
  "credentials in the URL are the request's": async (type) => {
    await opens(
      (url) => new type(url.replace("//", "//us%20er:p%C3%A4ss@")),
      [],
      (_socket, head) => {
        const sent = /\r\nauthorization: Basic (.*)\r\n/i.exec(head)?.[1] ?? "";
        const bytes = Uint8Array.from(atob(sent), (c) => c.charCodeAt(0));
        assertEquals(new TextDecoder().decode(bytes), "us er:päss");
      },
    );
  },
  "when it is established, readyState is OPEN and open is fired": async (
    type,
  ) => {
    await opens((url) => new type(url), [], (socket) => {
      assertEquals(socket.readyState, 1);
      assertEquals(socket.protocol, "");
      assertEquals(socket.extensions, "");
    });
  },
  "open is fired in a task of its own, with all attributes set": async (
    type,
  ) => {
    let seen: unknown;
    await opens(
      (url) => {
        const socket = new type(url, ["a"]);
        socket.onopen = function (event) {
          seen = [
            event.type,
            this === socket,
            socket.readyState,
            socket.protocol,
          ];
        };
        return socket;
      },
      ["Sec-WebSocket-Protocol: a"],
      () => {},
    );
    assertEquals(seen, ["open", true, 1, "a"]);
  },
  "an answer that is no 101 fails the connection": async (type) => {
    for (const status of ["404 Not Found", "200 OK", "503 Oh"]) {
      await fails(
        type,
        `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
    }
  },
  "a redirect fails the connection": async (type) => {
    await fails(
      type,
      "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
  },
  "a wrong Sec-WebSocket-Accept fails the connection": async (type) => {
    await fails(
      type,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
        "Connection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
  },
  "a protocol that was not asked for fails the connection": async (type) => {
    await fails(
      type,
      (head) => accepting(head, "Sec-WebSocket-Protocol: a"),
    );
    await fails(
      type,
      (head) => accepting(head, "Sec-WebSocket-Protocol: b"),
      ["a"],
    );
  },
  "if protocols were asked for, an answer without one fails the connection":
    async (type) => {
      await fails(type, (head) => accepting(head), ["a", "b"]);
    },
  "an extension that was not asked for fails the connection": async (type) => {
    await fails(
      type,
      (head) => accepting(head, "Sec-WebSocket-Extensions: x-none"),
    );
  },
  "a server that cannot be reached fails the connection": async (type) => {
    assertEquals(await eventsOf(new type("ws://127.0.0.1:1/")), FAILED);
  },
  "close() before it is established fails it, with readyState CLOSING": async (
    type,
  ) => {
    await withServer(async (peer) => {
      await peer.ended;
    }, async (url) => {
      const socket = new type(url);
      const events = eventsOf(socket);
      socket.close();
      assertEquals(socket.readyState, 2);
      socket.close(1000, "again");
      assertEquals(await events, FAILED);
    }, { count: 0 });
  },
  "send() before it is established throws an InvalidStateError": async (
    type,
  ) => {
    const socket = new type("ws://127.0.0.1:1/");
    const over = closed(socket);
    throwsDOM("InvalidStateError", () => socket.send("a"));
    throwsDOM("InvalidStateError", () => socket.send(new Blob(["a"])));
    assertEquals(socket.bufferedAmount, 0);
    await over;
  },
  "the class and its objects have the constants, which cannot be changed": (
    type,
  ) => {
    const names = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
    names.forEach((name, value) => {
      for (const holder of [type, type.prototype]) {
        assertEquals(holder[name], value);
        assertThrows(() => {
          "use strict";
          (holder as unknown as Record<string, number>)[name] = 9;
        }, TypeError);
      }
    });
  },
  "members are enumerable, and methods have the lengths of Web IDL": (type) => {
    const members = [
      "binaryType",
      "bufferedAmount",
      "close",
      "extensions",
      "onclose",
      "onerror",
      "onmessage",
      "onopen",
      "protocol",
      "readyState",
      "send",
      "url",
    ];
    const shown = Object.entries(
      Object.getOwnPropertyDescriptors(type.prototype),
    ).filter(([, { enumerable }]) => enumerable).map(([name]) => name);
    assertEquals(members.filter((name) => !shown.includes(name)), []);
    assertEquals([type.prototype.close.length, type.prototype.send.length], [
      0,
      1,
    ]);
    assertEquals([type.name, type.length], ["WebSocket", 1]);
    assertEquals(
      String(
        Object.getOwnPropertyDescriptor(type.prototype, Symbol.toStringTag)
          ?.value,
      ),
      "WebSocket",
    );
  },
};
