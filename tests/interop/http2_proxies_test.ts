/**
 * Proxies that translate between HTTP/1.1 and HTTP/2, in front of a server that
 * speaks both (RFC 8441).
 */

import { assertEquals } from "@std/assert";

import { dial } from "../../src/client/dialer.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { connOver } from "../../src/conn_over.ts";
import { socketStream } from "../../src/runtime/sockets/socket_stream.ts";
import { Upgrader } from "../../src/server/upgrader.ts";
import { findProgram } from "../support/find_program.ts";
import { deferred, test } from "../support/helper.ts";
import {
  connectHttp2,
  openHttp2,
  startHttp2,
} from "../support/http2_server.ts";
import { withHaproxy, withNghttpx } from "./proxy_programs.ts";

const PROXIES = [
  { program: "haproxy", run: withHaproxy },
  { program: "nghttpx", run: withNghttpx },
] as const;

const VERSIONS = ["h1", "h2"] as const;

/** Sends text and 300 kB to and fro, and closes. */
async function exchange(conn: Conn): Promise<void> {
  await conn.send("Hello");
  assertEquals((await conn.readMessage()).data, "Hello");
  await conn.send(new Uint8Array(300_000).fill(7));
  const { data } = await conn.readMessage();
  assertEquals([data.length, data[299_999]], [300_000, 7]);
  const { code, wasClean } = await conn.close(1000);
  assertEquals([code, wasClean], [1000, true]);
}

for (const { program, run } of PROXIES) {
  const path = findProgram(program);
  for (const front of VERSIONS) {
    for (const back of VERSIONS) {
      test(
        `listener() behind ${program}, which is asked by ${front} and asks by ${back}`,
        async () => {
          const ended = deferred<unknown>();
          const listener = new Upgrader().listener(async (conn) => {
            for await (const { type, data } of conn) {
              await conn.writeMessage(type, data);
            }
            const { code, wasClean } = await conn.closed;
            ended.resolve([code, wasClean]);
          });
          await using server = await startHttp2("TLS", listener);
          const came: string[] = [];
          server.server.on("upgrade", () => void came.push("h1"));
          server.server.on("connect", () => void came.push("h2"));
          await run(path!, server.port, back, async (address) => {
            if (front === "h1") {
              await exchange((await dial(`ws://${address}/`)).conn);
            } else {
              const port = Number(address.split(":")[1]);
              const session = await connectHttp2("TCP", port);
              try {
                const stream = await openHttp2(session, {
                  ":authority": address,
                });
                await exchange(
                  connOver(socketStream(stream), { side: "client" }),
                );
              } finally {
                session.destroy();
              }
            }
          });
          assertEquals(came, [back]);
          assertEquals(await ended.promise, [1000, true]);
        },
        {
          lacks: path === undefined
            ? `${program}, which is not installed`
            : undefined,
          timeout: 60_000,
        },
      );
    }
  }
}
