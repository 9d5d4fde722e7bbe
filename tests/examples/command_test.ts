import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";

import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { CloseError } from "../../src/close.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { dial, type DialOptions } from "../../src/client/dialer.ts";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import { Browser, lacksBrowser } from "../browser/browser.ts";
import { test } from "../support/helper.ts";
import { Folder } from "./chat_app_person.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

const lacks = process.platform === "win32" ? "a POSIX shell" : undefined;

/** Runs the example with the arguments, until all that it has started ended. */
async function withCommand(
  args: string[],
  fn: (port: number) => Promise<void>,
): Promise<void> {
  await using command = new Program("command.ts", ["--port=0", ...args], {
    allow: ["--allow-net", "--allow-read", "--allow-env", "--allow-run"],
  });
  await fn(await command.port());
  command.interrupt();
  assertEquals(await command.exited, 0, command.stderr);
}

async function open(port: number, options?: DialOptions): Promise<Conn> {
  const { conn } = await dial(`ws://127.0.0.1:${port}/ws`, options);
  return conn;
}

/** What comes until there is a whole line. */
async function readLine(conn: Conn): Promise<string> {
  let text = "";
  while (!text.endsWith("\n")) text += (await conn.readMessage()).data;
  return text;
}

/** All that comes, and the close code and reason. */
async function readAll(
  conn: Conn,
): Promise<[output: string, code: number, reason: string]> {
  let output = "";
  for (;;) {
    try {
      output += (await conn.readMessage()).data;
    } catch (error) {
      if (!(error instanceof CloseError)) throw error;
      return [output, error.code, error.reason];
    }
  }
}

async function refused(port: number, headers = {}): Promise<number> {
  const dialed = () => open(port, { headers });
  const { response } = await assertRejects(dialed, BadHandshakeError);
  return response.status;
}

/** Whether a process runs: one that is only to be reaped does not. */
function isRunning(pid: number): boolean {
  try {
    const [, state] = /^\d+ \(.*\) (\w)/s.exec(
      readFileSync(`/proc/${pid}/stat`, "utf8"),
    ) ?? [];
    return state !== "Z";
  } catch {
    // There is no such folder on macOS.
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("the example command passes lines and bytes both ways", async () => {
  await withCommand(["cat"], async (port) => {
    const conn = await open(port);
    await conn.send("ünïcode");
    assertEquals(await readLine(conn), "ünïcode\n");
    await conn.send(new TextEncoder().encode("no line"));
    await conn.send(new Uint8Array(0));
    assertEquals(await readAll(conn), ["no line", 1000, "ended with status 0"]);
  });
}, { timeout: START_LIMIT, lacks });

test("the example command closes as the program ends", async () => {
  await withCommand(["--", "sh", "-e"], async (port) => {
    const ends: [line: string, output: string, code: number, reason: string][] =
      [
        ["echo out; exit", "out\n", 1000, "ended with status 0"],
        ["echo err >&2; exit 3", "err\n", 4003, "ended with status 3"],
        ["kill -KILL $$", "", 4137, "ended by SIGKILL"],
      ];
    for (const [line, ...end] of ends) {
      const conn = await open(port);
      await conn.send(line);
      assertEquals(await readAll(conn), end);
    }
  });
}, { timeout: START_LIMIT, lacks });

test("the example command ends the program with its connection", async () => {
  const pids: number[] = [];
  await withCommand(["sh"], async (port) => {
    // The program itself, it and its child, and one that will not end.
    for (const first of ["", "sleep 60 & ", "trap '' TERM; "]) {
      const conn = await open(port);
      await conn.send(`${first}echo $$ $!; while read -r line; do :; done`);
      pids.push(...(await readLine(conn)).trim().split(" ").map(Number));
      if (first === "") conn.terminate();
      else await conn.close();
    }
  });
  assertEquals(pids.length, 4);
  assertEquals(pids.filter(isRunning), []);
}, { timeout: START_LIMIT, lacks });

test(
  "the example command bounds output, and the number of programs",
  async () => {
    const limits = ["--max=2", "--max-output=8000000"];
    await withCommand([...limits, "sh"], async (port) => {
      const zeros = (count: number) => `head -c ${count} /dev/zero; exit`;
      const conn = await open(port);
      await conn.send(zeros(8_000_000));
      const [output, code] = await readAll(conn);
      assertEquals([output.length, code], [8_000_000, 1000]);

      const both = [await open(port), await open(port)] as const;
      assertEquals(await refused(port), 503);
      await both[0].send(zeros(8_000_001));
      const [, ...end] = await readAll(both[0]);
      assertEquals(end, [1008, "too much output"]);
      await both[1].close();
    });
  },
  { timeout: START_LIMIT, lacks },
);

test("the example command waits for who reads slowly", async () => {
  const folder = mkdtempSync(`${tmpdir()}/command-`);
  await withCommand(["sh"], async (port) => {
    const output = async (name: string) => {
      const conn = await open(port);
      await conn.send(
        `head -c 32000000 /dev/zero; : > ${folder}/${name}; exit`,
      );
      return conn;
    };
    const slow = await output("slow");
    const [zeros] = await readAll(await output("fast"));
    assertEquals(zeros.length, 32_000_000);
    // In the time that this took, the other would have been done as well.
    assertEquals(readdirSync(folder), ["fast"]);
    slow.terminate();

    const input = async (line: string) => {
      const conn = await open(port);
      await conn.send(line);
      const piece = new Uint8Array(64 * 1024);
      const writing = async () => {
        for (let i = 0; i < 500; i++) await conn.send(piece);
        await conn.send(new Uint8Array(0));
      };
      return { conn, written: writing() };
    };
    let taken = false;
    const stuck = await input("sleep 60");
    stuck.written.then(() => taken = true, () => {});
    const read = await input("exec cat > /dev/null");
    await read.written;
    assertEquals((await readAll(read.conn))[1], 1000);
    assertEquals(taken, false);
    stuck.conn.terminate();
  }).finally(() => rmSync(folder, { recursive: true }));
}, { timeout: START_LIMIT, lacks });

test("the example command serves its page to this machine alone", async () => {
  // A program that is there, and whose interpreter is not.
  using folder = new Folder();
  const program = `${folder.path}/program`;
  writeFileSync(program, "#!/none/such\n", { mode: 0o755 });
  await withCommand([program], async (port) => {
    const base = `http://127.0.0.1:${port}`;
    for (
      const [path, type] of [
        ["/", "text/html"],
        ["/page.js", "text/javascript"],
        ["/base.css", "text/css"],
      ] as const
    ) {
      const response = await fetch(base + path);
      assertEquals(response.status, 200);
      assertStringIncludes(response.headers.get("content-type") ?? "", type);
      assertStringIncludes(
        response.headers.get("content-security-policy") ?? "",
        `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src ws://127.0.0.1:${port} `,
      );
      assertNotEquals(await response.text(), "");
    }
    for (const path of ["/local_page.ts", "/command.ts", "/..%2fecho.ts"]) {
      const response = await fetch(base + path);
      await response.body?.cancel();
      assertEquals(response.status, 404);
    }
    const posted = await fetch(base, { method: "POST", body: "a" });
    await posted.body?.cancel();
    assertEquals(posted.status, 405);

    assertEquals(await refused(port, { Host: `evil.example:${port}` }), 421);
    assertEquals(await refused(port, { Origin: "http://evil.example" }), 403);
    const conn = await open(port, { headers: { Host: `LOCALHOST:${port}` } });
    assertEquals(await readAll(conn), ["", 1011, "cannot be started"]);
  });
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example command explains its arguments", async () => {
  const wrong = [[], ["--port=1"], ["--max=0", "a"], ["--bogus", "a"], ["--"]];
  await Promise.all(wrong.map(async (args) => {
    await using command = new Program("command.ts", args);
    assertEquals(await command.exited, 2);
    assertStringIncludes(command.stderr, "Usage: command.ts [--port N]");
  }));
}, { timeout: START_LIMIT });

test("the example command has a page like a terminal", async () => {
  await withCommand(["cat"], async (port) => {
    await using browser = await Browser.launch();
    const page = await browser.newPage();
    await page.view({ width: 360, height: 640, mobile: true });
    await page.navigate(`http://127.0.0.1:${port}/`);
    const has = (selector: string, text: string) =>
      page.waitFor(
        `document.querySelector("${selector}").innerText` +
          ` === ${JSON.stringify(text)}`,
      );
    await has("#status", "Running");
    assertEquals(await page.evaluate("document.activeElement.id"), "line");
    assertEquals(
      await page.evaluate("document.documentElement.scrollWidth"),
      360,
    );

    await page.type("<b>ünïcode</b>");
    await page.press("Enter");
    await has("#output", "<b>ünïcode</b>\n".repeat(2));
    await page.press("ArrowUp");
    assertEquals(await page.evaluate("line.value"), "<b>ünïcode</b>");
    await page.press("ArrowDown");
    assertEquals(await page.evaluate("line.value"), "");

    await page.click("#end");
    await has("#status", "Ended with status 0");
    assertEquals(await page.evaluate("document.activeElement.id"), "restart");
    await page.press("Enter");
    await has("#status", "Running");
    await has("#output", "");
    assertEquals(page.errors, []);
  });
}, { timeout: 2 * START_LIMIT, lacks: lacks ?? lacksBrowser });
