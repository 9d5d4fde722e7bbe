/** The dashboard of `.github/guides/MOUNTING.md`, as its users see it. */

import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { dial } from "../../src/client/dialer.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import { lacksInterrupt, START_LIMIT } from "../examples/program.ts";
import { freePort } from "../support/free_port.ts";
import { runtime, test } from "../support/helper.ts";
import { CLOSING, frameworks, programOf, withProgram } from "./mounting.ts";

const HEADING = "A dashboard";
const MAX_LINES = 80;

/** A user of the dashboard, behind a proxy that names an address. */
class Visitor {
  readonly #host: string;
  readonly #headers: Record<string, string>;

  constructor(host: string, cookie: string, address: string) {
    this.#host = host;
    this.#headers = { Cookie: cookie, "X-Forwarded-For": address };
  }

  /** Opens the connection of a page. */
  async open(path: string): Promise<Conn> {
    const url = `ws://${this.#host}${path}`;
    return (await dial(url, { headers: this.#headers })).conn;
  }

  /** The status of an upgrade that is refused. */
  async refusal(path: string): Promise<number> {
    try {
      await this.open(path);
    } catch (error) {
      if (error instanceof BadHandshakeError) return error.response.status;
      throw error;
    }
    throw new Error(`${path} has been opened`);
  }
}

/** The cookie that a login gives. */
async function logIn(host: string, name: string): Promise<string> {
  const response = await fetch(`http://${host}/`, {
    ...CLOSING,
    method: "POST",
    body: new URLSearchParams({ name }),
    redirect: "manual",
  });
  await response.body?.cancel();
  return response.headers.getSetCookie()[0]!.split(";")[0]!;
}

async function read(conn: Conn): Promise<unknown> {
  return (await conn.readMessage()).data;
}

/** What stands on a page, or where it leads to. */
async function page(
  host: string,
  path: string,
  cookie = "",
): Promise<string> {
  const response = await fetch(`http://${host}${path}`, {
    headers: { ...CLOSING.headers, Cookie: cookie },
    redirect: "manual",
  });
  const text = await response.text();
  return response.headers.get("location") ?? text;
}

/** A cookie by the program's own secret. */
function cookieUntil(exp: number, secret: string): string {
  const encode = (part: unknown) =>
    Buffer.from(JSON.stringify(part)).toString("base64url");
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${
    encode({ name: "Eve", exp })
  }`;
  const mac = createHmac("sha256", secret).update(signed).digest("base64url");
  return `token=${signed}.${mac}`;
}

test(`the guide's dashboard has fewer than ${MAX_LINES} lines`, () => {
  assert(programOf(HEADING).trimEnd().split("\n").length < MAX_LINES);
});

test("the guide's dashboard does all that it is said to do", async () => {
  const secret = crypto.randomUUID();
  const way = {
    heading: HEADING,
    port: await freePort(),
    env: { JWT_SECRET: secret },
  };
  let cookie = "";
  await withProgram(way, runtime, async (host, program) => {
    cookie = await logIn(host, "Ann");
    const ann = new Visitor(host, cookie, "192.0.2.1");
    const bob = new Visitor(host, await logIn(host, "Bob"), "192.0.2.2");
    const [atNews, other, atCPU] = [
      await ann.open("/topics/news"),
      await bob.open("/topics/news"),
      await bob.open("/topics/cpu"),
    ];
    atNews.send("Hello");
    assertEquals(await read(atNews), "Ann: Hello");
    assertEquals(await read(other), "Ann: Hello");
    atCPU.send("17%");
    assertEquals(await read(atCPU), "Bob: 17%");
    for (const known of [cookie, cookieUntil(Date.now() / 1000 + 60, secret)]) {
      const html = await page(host, "/topics/cpu", known);
      assertStringIncludes(html, "new WebSocket(");
    }

    const [head, body] = cookie.slice("token=".length).split(".");
    const none = btoa('{"alg":"none"}').replaceAll("=", "");
    const strangers = [
      "",
      "token=",
      `token=${head}.${body}.`,
      `token=${none}.${body}.`,
      `${cookie}A`,
      cookieUntil(Date.now() / 1000 - 60, secret), // it has expired
    ];
    for (const forged of strangers) {
      const stranger = new Visitor(host, forged, "192.0.2.3");
      assertEquals(await stranger.refusal("/topics/news"), 401);
      // Not the page, which would load itself again for ever.
      assertEquals(await page(host, "/topics/news", forged), "/");
    }
    assertEquals(await ann.refusal("/topics"), 404);

    const more = [await ann.open("/topics/a"), await ann.open("/topics/b")];
    assertEquals(await ann.refusal("/topics/news"), 429);
    for (let i = 0; i < 20; i++) more[0]!.send("more");
    assertEquals((await more[0]!.closed).code, 1008);

    const metrics = await page(host, "/metrics");
    assertStringIncludes(metrics, "websocket_open_total 5\n");
    assertStringIncludes(metrics, "websocket_refused_total 8\n");

    program.interrupt("SIGTERM");
    for (const conn of [atNews, other, atCPU, more[1]!]) {
      assertEquals((await conn.closed).code, 1012);
    }
    assertEquals(await program.exited, 0, program.stderr);
  });
  // The next process, in its place.
  await withProgram(way, runtime, async (host) => {
    const conn = await new Visitor(host, cookie, "192.0.2.1")
      .open("/topics/news");
    conn.send("Back");
    assertEquals(await read(conn), "Ann: Back");
    await conn.close();
  });
}, {
  lacks: frameworks.lacks ?? lacksInterrupt,
  timeout: 2 * START_LIMIT,
});
