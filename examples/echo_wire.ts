/**
 * `echo.ts` on our own engine, which also runs under Node.
 *
 *     deno run --allow-net --no-prompt examples/echo_wire.ts [--port 8080]
 *     bun run examples/echo_wire.ts [--port 8080]
 */

import { serve } from "../mod.ts";
import { beforeExit, port, run } from "./shared/command_line.ts";

await run("echo_wire.ts", { port: port(8080) }, async ({ port }) => {
  const server = await serve(async (conn) => {
    for await (const { type, data } of conn) {
      await conn.writeMessage(type, data);
    }
  }, { port });
  console.log(`Listening on ws://localhost:${server.addr.port}`);
  beforeExit(() => server.shutdown());
});
