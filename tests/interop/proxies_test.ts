import { Dialer } from "../../src/client/dialer.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
} from "@std/assert";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { accepting, withServer } from "../support/dial_server.ts";
import { failure } from "../support/dialing.ts";
import { findProgram } from "../support/find_program.ts";
import { test } from "../support/helper.ts";
import { type User, withMicrosocks, withTinyproxy } from "./proxy_programs.ts";

const USER: User = { name: "user", password: "s3cret" };

const PROXIES = [
  { program: "tinyproxy", scheme: "http", run: withTinyproxy },
  { program: "microsocks", scheme: "socks5", run: withMicrosocks },
  { program: "microsocks", scheme: "socks5h", run: withMicrosocks },
] as const;

/** Dials through the proxy, and sends 300 kB to and fro. */
async function exchange(
  proxy: string,
  host: string,
  authority?: Authority,
): Promise<void> {
  await withServer(async (peer) => {
    await peer.send(await accepting(await peer.readHead()));
    const { payload } = await peer.readFrame();
    await peer.sendFrame({ opcode: 2, payload });
    await peer.expectClose(1000);
    await peer.sendFrame({ opcode: 8, payload: new Uint8Array([3, 232]) });
    peer.end();
    await peer.ended;
  }, async (url) => {
    const dialer = new Dialer({
      proxy,
      ...authority === undefined ? {} : { tls: { ca: authority.cert } },
    });
    const { conn } = await dialer.dial(url.replace("127.0.0.1", host));
    await conn.send(new Uint8Array(300_000).fill(7));
    const { data } = await conn.readMessage();
    assertEquals([data.length, data[299_999]], [300_000, 7]);
    assertEquals((await conn.close()).wasClean, true);
  }, authority === undefined ? {} : { tls: authority.issue(host) });
}

for (const { program, scheme, run } of PROXIES) {
  const path = findProgram(program);
  const lacks = path === undefined
    ? `${program}, which is not installed`
    : undefined;
  const title = `Dialer.dial() through ${program} by ${scheme}`;

  test(`${title} speaks ws and wss`, async () => {
    await run(path!, undefined, async (address) => {
      const proxy = `${scheme}://${address}`;
      await exchange(proxy, "127.0.0.1");
      await exchange(proxy, "localhost");
      await exchange(proxy, "127.0.0.1", makeAuthority("CA"));
      await exchange(proxy, "localhost", makeAuthority("CA"));
    });
  }, { lacks });

  test(`${title} logs in`, async () => {
    await run(path!, USER, async (address) => {
      const { name, password } = USER;
      await exchange(`${scheme}://${name}:${password}@${address}`, "127.0.0.1");
      for (const user of ["", `${name}:wrong@`]) {
        const proxy = `${scheme}://${user}${address}`;
        const error = await failure("ws://127.0.0.1:1/", { proxy });
        assertEquals([error.phase, error.address], ["proxy", address]);
        if (scheme !== "http") continue;
        assertInstanceOf(error.cause, BadHandshakeError);
        const { status } = (error.cause as BadHandshakeError).response;
        // tinyproxy's: 407 asks for a user, 401 refuses one.
        assertEquals(status, user === "" ? 407 : 401);
      }
    });
  }, { lacks });

  test(`${title} tells that nobody listens`, async () => {
    await run(path!, undefined, async (address) => {
      const proxy = `${scheme}://${address}`;
      const error = await failure("ws://127.0.0.1:1/", { proxy });
      assertEquals([error.phase, error.address], ["proxy", address]);
      const fault = scheme === "http"
        ? "it answered with status 500"
        : "it answered with reply 5, connection refused";
      assertStringIncludes(
        error.message,
        `Cannot connect through the proxy ${address} to 127.0.0.1:1: ${fault}`,
      );
    });
  }, { lacks });
}
