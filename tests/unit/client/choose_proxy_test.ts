import process from "node:process";

import { assertEquals, assertInstanceOf } from "@std/assert";
import { proxyFromEnvironment } from "../../../src/client/choose_proxy.ts";
import { defaultDialer, Dialer } from "../../../src/client/dialer.ts";
import { DialError } from "../../../src/errors.ts";
import { accepting, answering, withServer } from "../../support/dial_server.ts";
import { test } from "../../support/helper.ts";
import { withProxy } from "../../support/proxy_server.ts";

const NAMES = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "REQUEST_METHOD",
].flatMap((name) => [name, name.toLowerCase()]);

/** Runs with these variables, and none of the others that count. */
async function withVariables(
  variables: Record<string, string>,
  fn: () => Promise<void>,
): Promise<void> {
  const before = NAMES.map((name) => [name, process.env[name]] as const);
  try {
    for (const name of NAMES) delete process.env[name];
    Object.assign(process.env, variables);
    await fn();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

test("proxyFromEnvironment() reads the variables at each call", async () => {
  const find = (url: string) => proxyFromEnvironment(new URL(url))?.href;
  await withVariables({}, async () => {
    assertEquals(find("ws://a.example/"), undefined);
    await withVariables({ http_proxy: "p:1", NO_PROXY: "b.example" }, () => {
      assertEquals(find("ws://a.example/"), "http://p:1/");
      assertEquals(find("wss://a.example/"), undefined);
      assertEquals(find("ws://b.example/"), undefined);
      return Promise.resolve();
    });
    assertEquals(find("ws://a.example/"), undefined);
  });
});

test("defaultDialer dials through the environment's proxy", async () => {
  await withProxy(async ({ address, heads }) => {
    await withServer(answering(accepting), async (url) => {
      await withVariables({ ALL_PROXY: `http://${address}` }, async () => {
        const target = url.replace("127.0.0.1", "inner.example");
        const { conn } = await defaultDialer.dial(target);
        conn.terminate();
        await conn.closed;
        assertEquals(heads.length, 1);
        // This machine's own hosts go without.
        const direct = await defaultDialer.dial(url);
        direct.conn.terminate();
        await direct.conn.closed;
        assertEquals(heads.length, 1);
      });
    }, { count: 2 });
  });
});

test("new Dialer() dials without the environment's proxy", async () => {
  for (const options of [{}, { proxy: null }]) {
    await withVariables({ ALL_PROXY: "http://127.0.0.1:1" }, async () => {
      const hosts: string[] = [];
      const dialer = new Dialer({
        ...options,
        netDial: ({ hostname }) => {
          hosts.push(hostname);
          throw new Error("no way");
        },
      });
      await dialer.dial("ws://inner.example/").catch(() => {});
      assertEquals(hosts, ["inner.example"]);
    });
  }
});

test("defaultDialer tells that a variable holds no proxy", async () => {
  for (const value of ["http://u:secret@a b", "ftp://u:secret@p"]) {
    await withVariables({ HTTP_PROXY: value }, async () => {
      const error = await defaultDialer.dial("ws://inner.example/")
        .catch((error) => error);
      assertInstanceOf(error, DialError);
      assertEquals((error as DialError).phase, "proxy");
      assertInstanceOf((error as DialError).cause, TypeError);
      assertEquals(
        String((error as DialError).cause).includes("secret"),
        false,
      );
    });
  }
});
