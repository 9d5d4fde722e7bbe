import { assertEquals, assertStringIncludes } from "@std/assert";

import {
  type Conn,
  formatCloseMessage,
  PreparedMessage,
  Upgrader,
} from "../../../mod.ts";
import { shown } from "../../../src/base/user_values.ts";
import { Hub } from "../../../src/pubsub/mod.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { test } from "../../support/helper.ts";

test("shown() tells a number from what only looks like one", () => {
  assertEquals(shown(1000), "1000");
  assertEquals(shown(-0.5), "-0.5");
  assertEquals(shown(NaN), "NaN");
  assertEquals(shown("1000"), '"1000"');
  assertEquals(shown([1000]), "Array");
  assertEquals(shown(null), "null");
  assertEquals(shown(undefined), "undefined");
  assertEquals(shown(10n), "bigint");
  assertEquals(shown(Symbol("1000")), "symbol");
  assertEquals(shown(Object.create(null)), "object");
});

// What a variable of the environment, JSON and a mix-up give; the last two have
// no text, so a message with them as they are would throw another error.
const VALUES: [value: unknown, shown: string][] = [
  ["1000", '"1000"'],
  [[1000], "Array"],
  [Symbol("1000"), "symbol"],
  [Object.create(null), "object"],
];

const CALLS: Record<string, (value: never) => unknown> = {
  "conn.close()": (code) => withConn((conn) => conn.close(code)),
  "formatCloseMessage()": (code) => formatCloseMessage(code, ""),
  "conn.setCompressionLevel()": (level) =>
    withConn((conn) => conn.setCompressionLevel(level)),
  "conn.setReadLimit()": (bytes) =>
    withConn((conn) => conn.setReadLimit(bytes)),
  "conn.writeMessage()": (type) =>
    withConn((conn) => conn.writeMessage(type, "")),
  "PreparedMessage": (type) => new PreparedMessage(type, ""),
  "readLimit": (readLimit) => new Upgrader({ readLimit }),
  "closeTimeout": (closeTimeout) => new Upgrader({ closeTimeout }),
  "writeBufferSize": (writeBufferSize) => new Upgrader({ writeBufferSize }),
  "messageLimit": (perSecond) => new Upgrader({ messageLimit: { perSecond } }),
  "compression level": (level) =>
    new Upgrader({ enableCompression: { level } }),
  "compression threshold": (threshold) =>
    new Upgrader({ enableCompression: { threshold } }),
  "messageLimit.burst": (burst) =>
    new Upgrader({ messageLimit: { perSecond: 1, burst } }),
  "heartbeat": (heartbeat) => new Hub({ heartbeat }),
  "latency": (latency) => pipe({ latency }),
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} names the value that is no number`, async () => {
    for (const [value, text] of VALUES) {
      const error = await messageOf(() => call(value as never));
      assertStringIncludes(error, text);
      assertStringIncludes(error, "Cannot ");
    }
  });
}

async function withConn(call: (conn: Conn) => unknown): Promise<void> {
  const [conn] = pipe();
  try {
    await call(conn);
  } finally {
    conn.terminate();
  }
}

async function messageOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
