/** How the examples fail: in one clean line, with an exit status that is not 0. */

import { writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import process from "node:process";

import { assert, assertEquals, assertThrows } from "@std/assert";

import { count, port as portFlag } from "../../examples/shared/command_line.ts";
import { makeAuthority } from "../support/certificates.ts";
import { certificate } from "../support/http_server.ts";
import { runtime, test } from "../support/helper.ts";
import { listen } from "../support/sockets.ts";
import { Folder } from "./chat_app_person.ts";
import { Program, START_LIMIT } from "./program.ts";

/** What is given to an example, and what it says. */
interface Failure {
  readonly args: readonly string[];
  /** The whole of it; default: its usage. */
  readonly says?: string | RegExp;
  /** Default: all that it needs. */
  readonly allow?: readonly string[];
  /** Deno's permissions, say, or a message of its own. */
  readonly only?: "deno" | "bun";
}

interface Example {
  readonly file: string;
  /** What it cannot do without, at the end. */
  readonly args?: readonly string[];
  readonly allow: readonly string[];
  /** Where it listens; by default, if it has a flag for that. */
  readonly host?: string;
  readonly hasHostname?: boolean;
}

const NET = "--allow-net";
const READ = "--allow-read";
/** Allows nothing; a child without any such flag is allowed all by Deno. */
const NOTHING = "--allow-env=NOTHING";
const FILEWATCH: Example = {
  file: "filewatch.ts",
  args: ["README.md"],
  allow: [NET, READ],
  host: "127.0.0.1",
  hasHostname: true,
};
const COMMAND: Example = {
  file: "command.ts",
  args: ["cat"],
  allow: [NET, READ, "--allow-env", "--allow-run"],
  host: "127.0.0.1",
  hasHostname: true,
};
const PROXY: Example = {
  file: "proxy.ts",
  args: ["ws://127.0.0.1:1"],
  allow: [NET],
  host: "127.0.0.1",
  hasHostname: true,
};
const CHAT_APP: Example = {
  file: "chat_app/main.ts",
  allow: [NET, READ],
  host: "0.0.0.0",
  hasHostname: true,
};
const AUTOBAHN_SERVER: Example = {
  file: "autobahn_server.ts",
  allow: [NET],
  host: "0.0.0.0",
};
const PAIR = new Folder();
process.once("exit", () => PAIR[Symbol.dispose]());
for (const name of ["cert", "key"] as const) {
  writeFileSync(`${PAIR.path}/${name}.pem`, certificate[name]);
}
writeFileSync(`${PAIR.path}/other.pem`, makeAuthority("other").key);
const HTTP2: Example = {
  file: "http2.ts",
  args: [`--cert=${PAIR.path}/cert.pem`, `--key=${PAIR.path}/key.pem`],
  allow: [NET, READ],
  host: "127.0.0.1",
  hasHostname: true,
};
/** The examples that listen, but for `echo.ts`, which the runtime serves. */
const SERVERS: readonly Example[] = [
  FILEWATCH,
  COMMAND,
  PROXY,
  CHAT_APP,
  AUTOBAHN_SERVER,
  HTTP2,
  { ...CHAT_APP, file: "chat.ts" },
  { ...PROXY, file: "node_http.ts", args: [] },
  { ...PROXY, file: "metrics.ts", args: [] },
  { ...AUTOBAHN_SERVER, file: "echo_wire.ts" },
];
const AUTOBAHN_CLIENT: Example = { file: "autobahn_client.ts", allow: [NET] };
const CLIENT: Example = { file: "client.ts", allow: [NET, READ] };

/** Runs the example into each failure. */
async function fail(
  { file, allow }: Example,
  failures: readonly Failure[],
): Promise<void> {
  const usage = new RegExp(`^Usage: ${file.split("/").at(-1)} .*$`);
  for (const { args, says = usage, only, ...other } of failures) {
    if (only !== undefined && only !== runtime) continue;
    await using program = new Program(file, args, { allow, ...other });
    const code = await program.exited;
    const what = `${file} ${JSON.stringify(args)}: ${program.stderr}`;
    assertEquals(code, says === usage ? 2 : 1, what);
    assertEquals(program.stdout, "", what);
    const line = program.stderr.slice(0, -1);
    assertEquals(program.stderr, `${line}\n`, what);
    if (typeof says === "string") assertEquals(line, says);
    else assert(says.test(line) && !line.includes("\n"), what);
  }
}

/** A port of all addresses that is in use. */
async function usedPort(): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((done) => server.listen(0, "0.0.0.0", done));
  return server;
}

/** Why this user may not listen on port 1, where that is so. */
const lowPort: string | undefined = await new Promise((resolve) => {
  const server = net.createServer();
  server.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
  server.listen(1, "127.0.0.1", () => server.close(() => resolve(undefined)));
});

for (const example of SERVERS) {
  const { file, args = [], allow, host, hasHostname } = example;
  const given = (...flags: string[]) => ({ args: [...flags, ...args] });

  test(`the example ${file} fails in one line`, async () => {
    const without = (flag: string) => {
      const others = allow.filter((it) => it !== flag);
      return {
        ...given("--port=0"),
        allow: others.length > 0 ? others : [NOTHING],
        only: "deno" as const,
      };
    };
    const server = await usedPort();
    const { port } = server.address() as net.AddressInfo;
    try {
      await fail(example, [
        given("--port=65536"),
        given("--port", "70000"),
        given("--port", "x"),
        given("--port=1.5"),
        given("--port="),
        { args: ["--port"] },
        given("--hostname="),
        given("--bogus"),
        ...file === "command.ts" ? [] : [{ args: [...args, "extra"] }],
        {
          ...given(`--port=${port}`),
          says: `Cannot listen on ${host}:${port}: EADDRINUSE`,
        },
        {
          ...without(NET),
          says: `Cannot listen on ${host}:0: Requires net access to ` +
            `"${host}:0", run again with the --allow-net flag`,
        },
        ...allow.includes(READ)
          ? [{
            ...without(READ),
            says: /Requires read access to .*, run again with the --allow-read/,
          }]
          : [],
        ...hasHostname
          ? [{
            // An address for documentation (RFC 5737): nobody has it.
            ...given("--port=0", "--hostname=192.0.2.1"),
            says: /^Cannot listen on 192\.0\.2\.1:0: E[A-Z]+$/,
          }]
          : [],
      ]);
    } finally {
      server.close();
    }
  }, { timeout: 2 * START_LIMIT });

  test(`the example ${file} needs leave for a low port`, async () => {
    await fail(example, [{
      ...given("--port=1"),
      says: `Cannot listen on ${host}:1: EACCES`,
    }]);
  }, {
    timeout: START_LIMIT,
    lacks: lowPort === "EACCES" ? undefined : "a port that is not for its user",
  });
}

test("the example filewatch follows no file that is not there", async () => {
  await fail(FILEWATCH, [
    {
      args: ["/none/such", "--port=0"],
      says: "Cannot read /none/such: ENOENT",
    },
    // A folder, which Windows does not open.
    { args: ["tests", "--port=0"], says: /^Cannot read tests: E[A-Z]+$/ },
  ]);
}, { timeout: START_LIMIT });

test("the example command runs no program that is not there", async () => {
  const { allow } = COMMAND;
  await fail(COMMAND, [
    { args: ["--max=0", "cat"] },
    { args: ["--max=1.5", "cat"] },
    { args: ["--max-output=x", "cat"] },
    {
      args: ["--port=0", "none-such"],
      says: "Cannot run none-such: no such program",
    },
    {
      args: ["--port=0", "./README.md"],
      says: "Cannot run ./README.md: no such program",
    },
    {
      args: ["--port=0", "cat"],
      allow: allow.filter((it) => it !== "--allow-run"),
      says: "Cannot run cat: start with --allow-run",
      only: "deno",
    },
    {
      args: ["--port=0", "cat"],
      allow: allow.filter((it) => it !== "--allow-env"),
      says:
        'Requires env access to "PATH", run again with the --allow-env flag',
      only: "deno",
    },
  ]);
}, { timeout: START_LIMIT });

test("the example proxy explains numbers that it cannot take", async () => {
  const target = "ws://127.0.0.1:1";
  await fail(PROXY, [
    { args: ["none"] },
    { args: [target, "--max=1.5"] },
    { args: [target, "--timeout=1e12"] },
    { args: [target, "--timeout=4000000"] },
  ]);
}, { timeout: START_LIMIT });

test("the example chat_app knows at once whether it can remember", async () => {
  const write = [...CHAT_APP.allow, "--allow-write"];
  using folder = new Folder();
  await fail(CHAT_APP, [
    { args: ["--history="] },
    {
      args: ["--port=0", "--history=/none/such"],
      allow: write,
      says: "ENOENT: no such file or directory, open '/none/such'",
    },
    { args: ["--port=0", "--history=tests"], allow: write, says: /^E[A-Z]+: / },
    {
      args: ["--port=0", `--history=${folder.path}/history`],
      says: /^Requires write access to .*, run again with the --allow-write/,
      only: "deno",
    },
  ]);
}, { timeout: START_LIMIT });

test("the example http2 needs a certificate and its key", async () => {
  const [cert = "", key = ""] = HTTP2.args ?? [];
  await fail(HTTP2, [
    { args: [] },
    { args: [cert] },
    { args: [key] },
    {
      args: ["--cert=/none/such", key],
      says: "ENOENT: no such file or directory, open '/none/such'",
    },
    {
      args: ["--cert=README.md", key],
      says: "Cannot use README.md: it is not in PEM",
    },
    {
      args: [cert, "--key=README.md"],
      says: "Cannot use README.md: it is not in PEM",
    },
    {
      args: [cert, `--key=${PAIR.path}/other.pem`],
      says: `Cannot use ${PAIR.path}/other.pem: it is the key of another ` +
        "certificate",
    },
  ]);
}, { timeout: START_LIMIT });

test("the example autobahn_server knows two engines", async () => {
  const server = await usedPort();
  const { port } = server.address() as net.AddressInfo;
  try {
    await fail(AUTOBAHN_SERVER, [
      { args: ["--engine=other"] },
      {
        args: [`--port=${port}`, "--engine=native"],
        says: `Cannot listen on 0.0.0.0:${port}: EADDRINUSE`,
      },
    ]);
  } finally {
    server.close();
  }
}, { timeout: START_LIMIT });

test("the examples that dial fail in one line", async () => {
  using folder = new Folder();
  const bad = `${folder.path}/bad.pem`;
  writeFileSync(bad, "none");
  const server = http.createServer();
  server.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
  });
  const url = `ws://127.0.0.1:${await listen(server)}/`;
  const nobody = "ws://127.0.0.1:1/";
  const refused: Failure[] = [
    ...["none", "ws://127.0.0.1:70000"].map((url) => ({
      args: [url],
      says: "Cannot dial: the URL is malformed",
    })),
    {
      args: [nobody],
      says: "Cannot connect to 127.0.0.1:1: ECONNREFUSED",
    },
    { args: [url], says: /^Cannot complete the handshake: .*\b401\b/ },
    { args: [nobody, nobody] },
    { args: ["--bogus"] },
    {
      args: [nobody],
      allow: [NOTHING],
      says: /^Cannot connect to 127\.0\.0\.1:1: (?!ECONNREFUSED)/,
      only: "deno",
    },
  ];
  try {
    await fail(AUTOBAHN_CLIENT, [...refused, { args: ["--agent"] }]);
    await fail(CLIENT, [
      ...refused,
      { args: ["--count=1.5"] },
      { args: ["--count="] },
      { args: ["--header", "none"] },
      {
        args: [nobody, "--header", "a b: c"],
        says: 'Cannot send header "a b": the name is not a token',
      },
      {
        args: [nobody, "--proxy=none"],
        says: "Cannot use proxy: the URL is malformed",
      },
      {
        args: ["wss://127.0.0.1:1/", "--ca=/none/such"],
        says: "ENOENT: no such file or directory, open '/none/such'",
      },
      {
        args: ["wss://127.0.0.1:1/", `--ca=${bad}`],
        says: "Cannot use tls.ca: it is not a certificate in PEM",
      },
      {
        args: ["wss://127.0.0.1:1/", "--ca=README.md"],
        allow: [NET],
        says: 'Requires read access to "README.md", run again with the ' +
          "--allow-read flag",
        only: "deno",
      },
    ]);
  } finally {
    server.close();
  }
}, { timeout: START_LIMIT });

test("port() and count() take whole numbers in decimal", () => {
  const { read: readPort } = portFlag(8080);
  const { read: readCount } = count(7, 12);
  assertEquals([readPort([]), readCount([])], [8080, 7]);
  assertEquals(
    ["0", "080", "65535"].map((text) => readPort([text])),
    [0, 80, 65_535],
  );
  assertEquals(readCount(["x", "12"]), 12);
  for (const text of ["", " ", " 80", "0x50", "1e3", "-1", "1.5", "x", "٣"]) {
    assertThrows(() => readPort([text]));
    assertThrows(() => readCount([text]));
  }
  assertThrows(() => readPort(["65536"]));
  for (const text of ["0", "13", "9".repeat(400)]) {
    assertThrows(() => readCount([text]));
  }
});
