import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

import { assertEquals } from "@std/assert";
import type { RawPeer } from "../../src/testing/raw_peer.ts";
import { makeAuthority } from "../support/certificates.ts";
import { accepting, withServer } from "../support/dial_server.ts";
import { hex, test } from "../support/helper.ts";
import { withProxy } from "../support/proxy_server.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

async function withClient(
  args: string[],
  fn: (client: Program) => Promise<void>,
): Promise<void> {
  const read = args.includes("--ca") ? ["--allow-read"] : [];
  const allow = ["--allow-net", ...read];
  await using client = new Program("client.ts", args, { allow });
  await fn(client);
}

/**
 * Echoes so many messages and answers pings, to the end of the closing
 * handshake.
 */
async function echo(
  peer: RawPeer,
  answersPings: boolean,
  messages = Infinity,
): Promise<void> {
  peer.send(await accepting(await peer.readHead()));
  for (;;) {
    const { opcode, payload } = await peer.readFrame();
    if (opcode === 8) {
      await peer.sendFrame({ opcode, payload });
      peer.end();
      await peer.ended;
      return;
    }
    if (opcode === 9) {
      if (answersPings) peer.sendFrame({ opcode: 10, payload });
    } else if (messages-- > 0) {
      peer.sendFrame({ opcode, payload });
    }
  }
}

test("the example client sends, prints and closes after --count", async () => {
  await withServer((peer) => echo(peer, true, 2), async (url) => {
    await withClient([url, "--count", "2"], async (client) => {
      assertEquals(await client.exited, 0, client.stderr);
      const lines = client.stdout.trimEnd().split("\n");
      assertEquals(lines.filter((line) => line !== "Server is alive"), [
        `Connected to ${url}`,
        "Received: Hello 1",
        "Received: Hello 2",
        "Closed: 1000",
      ]);
      assertEquals(lines.includes("Server is alive"), true);
    });
  });
}, { timeout: START_LIMIT });

test("the example client shows what a terminal would act upon", async () => {
  const text = "\u001b]0;title\u0007\u001b[2J\u009b1m\rsafe\u202e\n";
  const bytes = new TextEncoder().encode(text);
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    peer.sendFrame({ opcode: 1, payload: text });
    peer.sendFrame({
      opcode: 8,
      payload: new Uint8Array([0x0f, 0xa0, ...bytes]),
    });
    await peer.ended;
    peer.end();
  }, async (url) => {
    await withClient([url], async (client) => {
      await client.exited;
      const shown = "\\u001b]0;title\\u0007\\u001b[2J\\u009b1m\\u000dsafe" +
        "\\u202e\\u000a";
      assertEquals(client.stdout.includes(`Received: ${shown}\n`), true);
      const printed = client.stdout + client.stderr;
      assertEquals(
        printed.replaceAll("\n", "").match(/\p{Cc}|\p{Cf}/gu),
        null,
        JSON.stringify(printed),
      );
    });
  });
}, { timeout: START_LIMIT });

test("the example client closes cleanly by Ctrl-C", async () => {
  await withServer((peer) => echo(peer, true), async (url) => {
    await withClient([url], async (client) => {
      await client.untilPrinted("Server is alive");
      client.interrupt();
      assertEquals(await client.exited, 0, client.stderr);
      assertEquals(client.stdout.endsWith("Closed: 1000\n"), true);
    });
  });
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test(
  "the example client says that a server without pongs is dead",
  async () => {
    await withServer((peer) => echo(peer, false), async (url) => {
      await withClient([url], async (client) => {
        await client.untilPrinted("Server is dead: timeout");
        client.interrupt();
        assertEquals(await client.exited, 0, client.stderr);
        assertEquals(client.stdout.includes("Server is alive"), false);
      });
    });
  },
  { timeout: START_LIMIT, lacks: lacksInterrupt },
);

test(
  "the example client says in one line that there is no server",
  async () => {
    await withClient(["ws://127.0.0.1:1/"], async (client) => {
      assertEquals(await client.exited, 1);
      assertEquals(client.stdout, "");
      assertEquals(
        client.stderr,
        "Cannot connect to 127.0.0.1:1: ECONNREFUSED\n",
      );
    });
  },
  { timeout: START_LIMIT },
);

test(
  "the example client exits with 1 if the server cuts the connection",
  async () => {
    await withServer(async (peer) => {
      peer.send(await accepting(await peer.readHead()));
      await peer.expectFrame({ opcode: 9 });
      peer.reset();
    }, async (url) => {
      await withClient([url], async (client) => {
        assertEquals(await client.exited, 1);
        assertEquals(client.stderr.trimEnd().split("\n").length, 1);
      });
    });
  },
  { timeout: START_LIMIT },
);

test("the example client sends what is typed with --stdin", async () => {
  await withServer((peer) => echo(peer, true), async (url) => {
    await withClient([url, "--stdin"], async (client) => {
      await client.untilPrinted("Server is alive");
      client.type("one\ntwo\n");
      assertEquals(await client.exited, 0, client.stderr);
      const lines = client.stdout.trimEnd().split("\n");
      assertEquals(lines.slice(2), [
        "Received: one",
        "Received: two",
        "Closed: 1000",
      ]);
    });
  });
}, { timeout: START_LIMIT });

test(
  "the example client takes a proxy, authorities, headers and subprotocols",
  async () => {
    const authority = makeAuthority("CA");
    const folder = mkdtempSync(`${tmpdir()}/client-`);
    const ca = `${folder}/ca.pem`;
    writeFileSync(ca, authority.cert);
    const heads: string[] = [];
    try {
      await withProxy(async (proxy) => {
        await withServer(async (peer) => {
          const head = await peer.readHead();
          heads.push(head);
          peer.send(await accepting(head, "Sec-WebSocket-Protocol: b"));
          await peer.expectFrame({ opcode: 9 });
          await peer.sendFrame({ opcode: 8, payload: hex("03 e8") });
          peer.end();
          await peer.ended;
        }, async (url) => {
          const args = [
            url.replace("127.0.0.1", "inner.example"),
            "--ca",
            ca,
            `--proxy=http://${proxy.address}`,
            "--header",
            "X-Key:  a: b",
            "--subprotocol",
            "a",
            "--subprotocol=b",
          ];
          await withClient(args, async (client) => {
            assertEquals(await client.exited, 0, client.stderr);
          });
        }, { tls: authority.issue("inner.example") });
        assertEquals(proxy.heads.length, 1);
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
    assertEquals(heads[0]?.includes("\r\nX-Key: a: b\r\n"), true);
    assertEquals(
      heads[0]?.includes("\r\nSec-WebSocket-Protocol: a, b\r\n"),
      true,
    );
  },
  { timeout: START_LIMIT },
);

test("the example client explains its arguments", async () => {
  for (
    const args of [
      ["--count", "x"],
      ["--count=0"],
      ["--bogus"],
      ["--header", "none"],
      ["ws://a/", "ws://b/"],
    ]
  ) {
    await withClient(args, async (client) => {
      assertEquals(await client.exited, 2);
      assertEquals(
        client.stderr.startsWith("Usage: client.ts [URL] [--stdin] [--count"),
        true,
        client.stderr,
      );
    });
  }
}, { timeout: START_LIMIT });

test("the example client says what is wrong with a proxy", async () => {
  await withClient(["--proxy", "ftp://u:secret@p"], async (client) => {
    assertEquals(await client.exited, 1);
    assertEquals(
      client.stderr,
      'Cannot use a proxy of scheme "ftp": it must be http, https, socks5 or ' +
        "socks5h, as in http://127.0.0.1:3128\n",
    );
  });
}, { timeout: START_LIMIT });
