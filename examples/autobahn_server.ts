/**
 * An echo server for the Autobahn test suite's `fuzzingclient`.
 *
 *     deno run --allow-net examples/autobahn_server.ts [--port 9001] [--engine native]
 *     bun run examples/autobahn_server.ts [--port 9001] [--engine native]
 *
 * Then, with Docker and a file `fuzzingclient.json` in the working directory:
 *
 *     {
 *       "outdir": "./reports/servers",
 *       "servers": [{ "agent": "silverback", "url": "ws://127.0.0.1:9001" }],
 *       "cases": ["*"],
 *       "exclude-cases": [],
 *       "exclude-agent-cases": {}
 *     }
 *
 *     docker run -it --rm --network host -v "$PWD:/work" -w /work \
 *       crossbario/autobahn-testsuite wstest -m fuzzingclient -s fuzzingclient.json
 *
 * The report is in `reports/servers/index.html`.
 */

import { type Conn, serve } from "../mod.ts";
import { beforeExit, choice, port, run } from "./shared/command_line.ts";

async function echo(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}

await run("autobahn_server.ts", {
  port: port(9001),
  engine: choice("wire", "native"),
}, async ({ port, engine }) => {
  const server = await serve(echo, {
    port,
    engine,
    // Groups 12 and 13 ask for compression, with and without contexts.
    upgrader: {
      enableCompression: {
        threshold: 0,
        serverNoContextTakeover: false,
        clientNoContextTakeover: false,
      },
    },
    // Most of the cases break the protocol: that is no news.
    onError: () => {},
    onListen: ({ port }) => console.log(`Listening on ws://127.0.0.1:${port}`),
  });

  beforeExit(() => server.shutdown());
});
