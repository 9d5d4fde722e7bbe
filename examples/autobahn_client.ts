/**
 * An echo client for the Autobahn test suite's `fuzzingserver`.
 *
 *     deno run --allow-net examples/autobahn_client.ts [URL] [--agent silverback]
 *     bun run examples/autobahn_client.ts [URL] [--agent silverback]
 *
 * URL is ws://127.0.0.1:9001 by default. Before, with Docker and a file
 * `fuzzingserver.json` in the working directory:
 *
 *     {
 *       "url": "ws://127.0.0.1:9001",
 *       "outdir": "./reports/clients",
 *       "cases": ["*"],
 *       "exclude-cases": [],
 *       "exclude-agent-cases": {}
 *     }
 *
 *     docker run -it --rm --network host -v "$PWD:/work" -w /work \
 *       crossbario/autobahn-testsuite wstest -m fuzzingserver -s fuzzingserver.json
 *
 * The report is in `reports/clients/index.html`.
 */

import { type Conn, Dialer } from "../mod.ts";
import { run, text } from "./shared/command_line.ts";

const dialer = new Dialer({
  // Groups 12 and 13 ask for compression, with and without contexts.
  enableCompression: {
    threshold: 0,
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
  },
});

/** The server says how many cases there are. */
async function countCases(conn: Conn): Promise<number> {
  const { data } = await conn.readMessage();
  await conn.close();
  return Number(data);
}

async function runCase(conn: Conn): Promise<void> {
  try {
    for await (const { type, data } of conn) {
      await conn.writeMessage(type, data);
    }
  } catch {
    // Most of the cases break the protocol: the server judges how we took it.
  }
  await conn.closed;
}

await run("autobahn_client.ts [URL]", {
  agent: text("NAME", "silverback"),
}, async (flags, [url = "ws://127.0.0.1:9001"]) => {
  const agent = encodeURIComponent(flags.agent);
  async function connect(path: string): Promise<Conn> {
    return (await dialer.dial(url.replace(/\/$/, "") + path)).conn;
  }

  const count = await countCases(await connect("/getCaseCount"));
  console.log(`Running ${count} cases`);
  for (let number = 1; number <= count; number++) {
    await runCase(await connect(`/runCase?case=${number}&agent=${agent}`));
  }
  // The server writes its report, and closes.
  await (await connect(`/updateReports?agent=${agent}`)).closed;
  console.log("Done");
});
