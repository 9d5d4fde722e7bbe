/** What an object does once its connection is there. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { deferred, hex } from "../../support/helper.ts";
import { throwsDOM } from "./constructor_cases.ts";
import { closed, type Link, type Socket } from "./targets.ts";

/** A sentence of the standard, and what shows it of an object. */
export type ObjectCase = (link: Link) => Promise<void>;

function opened(socket: Socket): Promise<unknown> {
  return next(socket, "open");
}

function next<T extends Event = MessageEvent>(
  socket: Socket,
  type: string,
): Promise<T> {
  return new Promise((resolve) => {
    socket.addEventListener(type, (event) => resolve(event as T), {
      once: true,
    });
  });
}

/** Answers the socket's close frame as it came. */
async function echoClose({ peer }: Link): Promise<Uint8Array> {
  const { payload } = await peer.readFrame();
  await peer.sendFrame({ opcode: 8, payload });
  peer.end();
  return payload;
}

async function sends(
  { socket, peer }: Link,
  data: unknown,
  opcode: number,
  payload: string | Uint8Array,
): Promise<void> {
  socket.send(data as string);
  await peer.expectFrame({ opcode, payload });
}

/** Waits until the task that runs, and those that are due, are over. */
function aTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** By what the standard says. */
export const OBJECT_CASES: Record<string, ObjectCase> = {
  "send() sends a string as text": async (link) => {
    await opened(link.socket);
    await sends(link, "Hällo", 1, "Hällo");
    await sends(link, "", 1, "");
  },
  "send() sends lone surrogates as U+FFFD": async (link) => {
    await opened(link.socket);
    await sends(link, "a\ud800b\udc00", 1, "a\ufffdb\ufffd");
  },
  "send() sends what is neither string nor bytes as its text": async (link) => {
    await opened(link.socket);
    await sends(link, {}, 1, "[object Object]");
    await sends(link, null, 1, "null");
    await sends(link, undefined, 1, "undefined");
    await sends(link, 12, 1, "12");
    await sends(link, [1, [2]], 1, "1,2");
  },
  "send() throws what a conversion to text throws": async ({ socket }) => {
    await opened(socket);
    assertThrows(
      () => socket.send(Symbol("a") as unknown as string),
      TypeError,
    );
    const error = new Error("Mine");
    const thrower = {
      toString() {
        throw error;
      },
    };
    assertEquals(
      assertThrows(() => socket.send(thrower as unknown as string)),
      error,
    );
  },
  "send() needs a message": async ({ socket }) => {
    await opened(socket);
    assertThrows(
      () => (socket.send as unknown as () => void).call(socket),
      TypeError,
    );
  },
  "send() sends an ArrayBuffer as binary": async (link) => {
    await opened(link.socket);
    await sends(link, hex("01 02").buffer, 2, hex("01 02"));
    await sends(link, new ArrayBuffer(0), 2, hex(""));
  },
  "send() sends the part of a buffer that a view shows": async (link) => {
    await opened(link.socket);
    const bytes = hex("00 01 02 03 04 05 06 07 08 09");
    await sends(link, bytes.subarray(1, 3), 2, hex("01 02"));
    await sends(link, new DataView(bytes.buffer, 2, 2), 2, hex("02 03"));
    await sends(link, new Uint16Array(bytes.buffer, 4, 1), 2, hex("04 05"));
  },
  "send() sends a Blob as binary": async (link) => {
    await opened(link.socket);
    await sends(link, new Blob(["a", "b"]), 2, "ab");
    await sends(link, new Blob([]), 2, "");
  },
  "send() keeps the order of messages behind a Blob": async (
    { socket, peer },
  ) => {
    await opened(socket);
    socket.send("1");
    socket.send(new Blob(["2".repeat(100_000)]));
    socket.send("3");
    socket.send(new Blob(["4"]));
    socket.send(hex("05"));
    await peer.expectFrame({ opcode: 1, payload: "1" });
    await peer.expectFrame({ opcode: 2, payload: "2".repeat(100_000) });
    await peer.expectFrame({ opcode: 1, payload: "3" });
    await peer.expectFrame({ opcode: 2, payload: "4" });
    await peer.expectFrame({ opcode: 2, payload: hex("05") });
  },
  "send() takes the bytes as they are when it is called": async (
    { socket, peer },
  ) => {
    await opened(socket);
    const small = hex("01 02");
    const large = new Uint8Array(100_000).fill(1);
    socket.send(small);
    socket.send(large);
    small.fill(9);
    large.fill(9);
    await peer.expectFrame({ opcode: 2, payload: hex("01 02") });
    const { payload } = await peer.readFrame();
    assertEquals([payload[0], payload.at(-1)], [1, 1]);
  },
  "send() raises bufferedAmount by the bytes of the message": async (
    { socket, peer },
  ) => {
    await opened(socket);
    assertEquals(socket.bufferedAmount, 0);
    socket.send("Hällo");
    assertEquals(socket.bufferedAmount, 6);
    socket.send(hex("01 02"));
    assertEquals(socket.bufferedAmount, 8);
    socket.send(new Blob(["abc"]));
    assertEquals(socket.bufferedAmount, 11);
    socket.send("\u{1f600}");
    assertEquals(socket.bufferedAmount, 15);
    for (let i = 0; i < 4; i++) await peer.readFrame();
  },
  "bufferedAmount goes down to 0 as messages go out": async (
    { socket, peer },
  ) => {
    await opened(socket);
    socket.send("x".repeat(1_000_000));
    socket.send(new Blob(["abc"]));
    await peer.readFrame();
    await peer.readFrame();
    // It has gone out: nothing but the task that notes it is waited for.
    for (let i = 0; i < 100 && socket.bufferedAmount > 0; i++) await aTask();
    assertEquals(socket.bufferedAmount, 0);
  },
  "send() when it closes sends nothing, and raises bufferedAmount": async (
    link,
  ) => {
    const { socket } = link;
    await opened(socket);
    const over = closed(socket);
    socket.close();
    socket.send("abc");
    socket.send(new Blob(["de"]));
    socket.send(hex("01"));
    assertEquals(socket.bufferedAmount, 6);
    await echoClose(link);
    await over;
    assertEquals(socket.bufferedAmount, 6);
    socket.send("f");
    assertEquals(socket.bufferedAmount, 7);
  },
  "close() sends a close frame without a body": async (link) => {
    const { socket } = link;
    await opened(socket);
    const over = closed(socket);
    socket.close();
    assertEquals(socket.readyState, 2);
    assertEquals(await echoClose(link), hex(""));
    const { code, reason, wasClean } = await over;
    assertEquals([code, reason, wasClean], [1005, "", true]);
  },
  "close(undefined) is close()": async (link) => {
    const { socket } = link;
    await opened(socket);
    const over = closed(socket);
    socket.close(undefined, undefined);
    assertEquals(await echoClose(link), hex(""));
    await over;
  },
  "close() sends the code and the reason": async (link) => {
    const { socket } = link;
    await opened(socket);
    const over = closed(socket);
    socket.close(3000, "bye \ud800");
    assertEquals(
      await echoClose(link),
      new Uint8Array([0x0b, 0xb8, ...new TextEncoder().encode("bye \ufffd")]),
    );
    const { code, reason, wasClean } = await over;
    assertEquals([code, reason, wasClean], [3000, "bye \ufffd", true]);
  },
  "close() sends a code without a reason": async (link) => {
    const { socket } = link;
    await opened(socket);
    const over = closed(socket);
    socket.close(4999);
    assertEquals(await echoClose(link), hex("13 87"));
    await over;
  },
  "close() with another code throws an InvalidAccessError": async (
    { socket },
  ) => {
    await opened(socket);
    for (
      const code of [0, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65536 + 1000]
    ) {
      throwsDOM("InvalidAccessError", () => socket.close(code));
    }
    throwsDOM("InvalidAccessError", () => socket.close(NaN));
    throwsDOM("InvalidAccessError", () => socket.close(null as never));
    throwsDOM("InvalidAccessError", () => socket.close("a" as never));
    assertEquals(socket.readyState, 1);
  },
  "the code is clamped to an unsigned short": async (link) => {
    const { socket } = link;
    await opened(socket);
    const over = closed(socket);
    socket.close("3000.4" as never);
    assertEquals(await echoClose(link), hex("0b b8"));
    await over;
  },
  "close() with a reason of more than 123 bytes throws a SyntaxError": async (
    link,
  ) => {
    const { socket } = link;
    await opened(socket);
    throwsDOM("SyntaxError", () => socket.close(1000, "x".repeat(124)));
    throwsDOM("SyntaxError", () => socket.close(1000, "ä".repeat(62)));
    assertEquals(socket.readyState, 1);
    const over = closed(socket);
    socket.close(1000, "x".repeat(123));
    assertEquals((await echoClose(link)).length, 125);
    await over;
  },
  "close() a second time does nothing": async (link) => {
    const { socket } = link;
    await opened(socket);
    const over = closed(socket);
    socket.close(1000, "first");
    socket.close(3000, "second");
    throwsDOM("InvalidAccessError", () => socket.close(1));
    await echoClose(link);
    assertEquals((await over).reason, "first");
    socket.close();
    assertEquals(socket.readyState, 3);
  },
  "close() sends what was sent before": async (link) => {
    const { socket, peer } = link;
    await opened(socket);
    const over = closed(socket);
    socket.send(new Blob(["a"]));
    socket.send("b");
    socket.close();
    await peer.expectFrame({ opcode: 2, payload: "a" });
    await peer.expectFrame({ opcode: 1, payload: "b" });
    await echoClose(link);
    await over;
  },
  "a text message is an event with a string": async ({ socket, peer }) => {
    const message = next(socket, "message");
    await opened(socket);
    peer.sendFrame({ opcode: 1, payload: "Hällo" });
    const event = await message;
    assert(event instanceof MessageEvent);
    assertEquals(event.data, "Hällo");
    assertEquals(event.target, socket);
    assertEquals([event.bubbles, event.cancelable], [false, false]);
  },
  "the event's origin is that of the URL": async ({ socket, peer }) => {
    const message = next(socket, "message");
    await opened(socket);
    peer.sendFrame({ opcode: 1, payload: "a" });
    const { origin } = await message;
    assertEquals(origin, socket.url === "" ? "" : new URL(socket.url).origin);
  },
  "a binary message is an event with a Blob": async ({ socket, peer }) => {
    const message = next(socket, "message");
    await opened(socket);
    socket.binaryType = "blob";
    peer.sendFrame({ opcode: 2, payload: hex("01 02") });
    const { data } = await message;
    assert(data instanceof Blob);
    assertEquals(data.type, "");
    assertEquals(new Uint8Array(await data.arrayBuffer()), hex("01 02"));
  },
  "a binary message is an event with an ArrayBuffer of its bytes alone": async (
    { socket, peer },
  ) => {
    await opened(socket);
    socket.binaryType = "arraybuffer";
    const first = next(socket, "message");
    peer.send(hex("82 01 01 82 02 02 03"));
    const { data } = await first;
    assert(data instanceof ArrayBuffer);
    assertEquals(new Uint8Array(data), hex("01"));
    const event = await next(socket, "message");
    assertEquals(new Uint8Array(event.data), hex("02 03"));
  },
  "binaryType counts when the event is fired": async ({ socket, peer }) => {
    await opened(socket);
    socket.binaryType = "blob";
    const types: string[] = [];
    const done = deferred();
    socket.onmessage = ({ data }) => {
      types.push(data.constructor.name);
      socket.binaryType = "arraybuffer";
      if (types.length === 2) done.resolve();
    };
    peer.send(hex("82 01 01 82 01 02"));
    await done.promise;
    assertEquals(types, ["Blob", "ArrayBuffer"]);
  },
  "binaryType takes no other value, and throws nothing": async ({ socket }) => {
    socket.binaryType = "arraybuffer";
    assertEquals(socket.binaryType, "arraybuffer");
    for (const value of ["", "Blob", "buffer", null, undefined, 1]) {
      socket.binaryType = value as never;
      assertEquals(socket.binaryType, "arraybuffer");
    }
    socket.binaryType = "blob";
    assertEquals(socket.binaryType, "blob");
    await opened(socket);
  },
  "each message is an event in a task of its own": async ({ socket, peer }) => {
    await opened(socket);
    peer.send(hex("81 01 61 81 01 62 81 01 63"));
    // Who awaits one is not too late for the next, microtasks included.
    for (const text of ["a", "b", "c"]) {
      const { data } = await next(socket, "message");
      assertEquals(data, text);
      for (let i = 0; i < 20; i++) await Promise.resolve();
    }
  },
  "a message right behind the 101 comes after open": async (
    { socket, peer },
  ) => {
    peer.send(hex("81 01 61"));
    await opened(socket);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    assertEquals((await next(socket, "message")).data, "a");
  },
  "messages that come after close() are dropped": async (link) => {
    const { socket, peer } = link;
    await opened(socket);
    const seen: unknown[] = [];
    socket.onmessage = ({ data }) => seen.push(data);
    const over = closed(socket);
    socket.close();
    await peer.sendFrame({ opcode: 1, payload: "late" });
    await echoClose(link);
    await over;
    assertEquals(seen, []);
  },
  "messages before the peer's close frame are events": async (
    { socket, peer },
  ) => {
    await opened(socket);
    const seen: unknown[] = [];
    socket.onmessage = ({ data }) => seen.push(data, socket.readyState);
    const over = closed(socket);
    peer.send(hex("81 01 61 81 01 62 88 02 03 e8"));
    await peer.readFrame();
    peer.end();
    await over;
    assertEquals(seen, ["a", 1, "b", 1]);
  },
  "the peer's close is an event with its code and reason, and clean": async (
    { socket, peer },
  ) => {
    await opened(socket);
    const seen: string[] = [];
    socket.onerror = () => seen.push("error");
    const over = closed(socket);
    peer.sendFrame({ opcode: 8, payload: new Uint8Array([0x0f, 0xa0, 0x62]) });
    await peer.readFrame();
    peer.end();
    const event = await over;
    assert(event instanceof CloseEvent);
    assertEquals([event.code, event.reason, event.wasClean], [4000, "b", true]);
    assertEquals(socket.readyState, 3);
    assertEquals(seen, []);
  },
  "a close frame without a code is 1005": async ({ socket, peer }) => {
    await opened(socket);
    const over = closed(socket);
    peer.sendFrame({ opcode: 8, payload: hex("") });
    await peer.readFrame();
    peer.end();
    const { code, wasClean } = await over;
    assertEquals([code, wasClean], [1005, true]);
  },
  "a connection that is lost is error, then close with 1006": async (
    { socket, peer },
  ) => {
    await opened(socket);
    const seen: string[] = [];
    socket.onerror = () => seen.push(`error ${socket.readyState}`);
    const over = closed(socket);
    peer.destroy();
    const { code, reason, wasClean } = await over;
    assertEquals([code, reason, wasClean], [1006, "", false]);
    assertEquals(seen, ["error 3"]);
  },
  "a connection that is failed is error, then close with 1006": async (
    { socket, peer },
  ) => {
    await opened(socket);
    const seen: string[] = [];
    socket.onerror = () => seen.push(`error ${socket.readyState}`);
    const over = closed(socket);
    peer.send(hex("81 01 ff")); // no UTF-8
    await peer.expectClose(1007);
    peer.end();
    const { code, reason, wasClean } = await over;
    assertEquals([code, reason, wasClean], [1006, "", false]);
    assertEquals(seen, ["error 3"]);
  },
  "a ping is answered, and is no event": async ({ socket, peer }) => {
    await opened(socket);
    peer.sendFrame({ opcode: 9, payload: "a" });
    await peer.expectFrame({ opcode: 10, payload: "a" });
  },
  "handlers and listeners are called in the order of their first setting":
    async ({ socket, peer }) => {
      await opened(socket);
      const seen: string[] = [];
      const done = deferred();
      socket.addEventListener("message", () => seen.push("listener 1"));
      socket.onmessage = () => seen.push("never");
      socket.addEventListener("message", () => seen.push("listener 2"));
      socket.onmessage = () => seen.push("handler");
      socket.addEventListener("message", () => done.resolve());
      peer.sendFrame({ opcode: 1, payload: "a" });
      await done.promise;
      assertEquals(seen, ["listener 1", "handler", "listener 2"]);
    },
  "a handler that was set to null has its place no more": async (
    { socket },
  ) => {
    await opened(socket);
    const seen: string[] = [];
    socket.onmessage = () => seen.push("never");
    socket.addEventListener("message", () => seen.push("listener"));
    socket.onmessage = null;
    socket.onmessage = () => seen.push("handler");
    socket.dispatchEvent(new MessageEvent("message"));
    assertEquals(seen, ["listener", "handler"]);
  },
  "a handler is a function or null; other objects are kept, all else is null":
    async ({ socket }) => {
      await opened(socket);
      const names = ["onopen", "onmessage", "onerror", "onclose"] as const;
      for (const name of names) {
        assertEquals(socket[name], null);
        const handler = () => {};
        socket[name] = handler;
        assert(socket[name] === handler);
        socket[name] = "text" as never;
        assertEquals(socket[name], null);
        const object = {
          handleEvent() {
            throw new Error("Called");
          },
        };
        socket[name] = object as never;
        assert(socket[name] as unknown === object);
        socket.dispatchEvent(new Event(name.slice(2)));
        socket[name] = undefined as never;
        assertEquals(socket[name], null);
      }
    },
  "a handler is called with the object as this": async ({ socket }) => {
    await opened(socket);
    let self: unknown;
    socket.onmessage = function () {
      self = this;
    };
    socket.dispatchEvent(new MessageEvent("message"));
    assert(self === socket);
  },
  "a handler that returns false cancels the event": async ({ socket }) => {
    await opened(socket);
    socket.onmessage = () => false;
    const event = new MessageEvent("message", { cancelable: true });
    assertEquals(socket.dispatchEvent(event), false);
    assertEquals(event.defaultPrevented, true);
  },
  "listeners may be objects, once, and taken off": async ({ socket }) => {
    await opened(socket);
    const seen: string[] = [];
    const object = { handleEvent: () => seen.push("object") };
    const gone = () => seen.push("never");
    socket.addEventListener("message", object as never, { once: true });
    socket.addEventListener("message", gone);
    socket.removeEventListener("message", gone);
    socket.dispatchEvent(new MessageEvent("message"));
    socket.dispatchEvent(new MessageEvent("message"));
    assertEquals(seen, ["object"]);
  },
};
