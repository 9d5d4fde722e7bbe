import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { assertEquals } from "@std/assert";
import type { RawPeer } from "../../src/raw_peer.ts";
import { accepting, withServer } from "../dial_server.ts";
import { deferred, runtime, test } from "../helper.ts";

const CLIENT = fileURLToPath(
  new URL("../../examples/client.ts", import.meta.url),
);

/** The example as a process, as its users start it. */
class Client {
  stdout = "";
  stderr = "";
  readonly #process: ChildProcess;
  readonly #ended = deferred<number | null>();
  #wake: (() => void) | undefined;

  constructor(...args: string[]) {
    const flags = runtime === "deno" ? ["--allow-net", "--no-prompt"] : [];
    const child = spawn(process.execPath, ["run", ...flags, CLIENT, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        NO_COLOR: "1",
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
      },
    });
    this.#process = child;
    child.stdout!.on("data", (data) => {
      this.stdout += data;
      this.#wake?.();
    });
    child.stderr!.on("data", (data) => this.stderr += data);
    child.on("close", (code) => {
      this.#ended.resolve(code);
      this.#wake?.();
    });
  }

  /** The exit code. */
  get exited(): Promise<number | null> {
    return this.#ended.promise;
  }

  async untilPrinted(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      const { promise, resolve } = deferred();
      this.#wake = resolve;
      await promise;
    }
  }

  interrupt(): void {
    // After `ChildProcess.kill`, Deno tells of no exit code.
    process.kill(this.#process.pid!, "SIGINT");
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

async function withClient(
  args: string[],
  fn: (client: Client) => Promise<void>,
): Promise<void> {
  const client = new Client(...args);
  try {
    await fn(client);
  } finally {
    client.kill();
    await client.exited;
  }
}

/** Echoes text and answers pings, to the end of the closing handshake. */
async function echo(peer: RawPeer, answersPings: boolean): Promise<void> {
  peer.send(await accepting(await peer.readHead()));
  for (;;) {
    const { opcode, payload } = await peer.readFrame();
    if (opcode === 8) {
      await peer.sendFrame({ opcode, payload });
      peer.end();
      await peer.ended;
      return;
    }
    if (opcode !== 9) peer.sendFrame({ opcode, payload });
    else if (answersPings) peer.sendFrame({ opcode: 10, payload });
  }
}

const TIMEOUT = 30_000;

test("the example client sends, prints and closes after --count", async () => {
  await withServer((peer) => echo(peer, true), async (url) => {
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
}, { timeout: TIMEOUT });

test("the example client closes cleanly by Ctrl-C", async () => {
  await withServer((peer) => echo(peer, true), async (url) => {
    await withClient([url], async (client) => {
      await client.untilPrinted("Server is alive");
      client.interrupt();
      assertEquals(await client.exited, 0, client.stderr);
      assertEquals(client.stdout.endsWith("Closed: 1000\n"), true);
    });
  });
}, { timeout: TIMEOUT });

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
  { timeout: TIMEOUT },
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
  { timeout: TIMEOUT },
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
  { timeout: TIMEOUT },
);

test("the example client explains its arguments", async () => {
  await withClient(["--count", "x"], async (client) => {
    assertEquals(await client.exited, 2);
    assertEquals(client.stderr, "Usage: client.ts [URL] [--count N]\n");
  });
}, { timeout: TIMEOUT });
