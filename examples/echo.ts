/**
 * An echo server on the runtime's own WebSocket.
 *
 *     deno serve --port 8080 examples/echo.ts
 *     bun run examples/echo.ts
 *
 * `bun run examples/client.ts` talks to it. `echo_wire.ts` is the same on our
 * own engine.
 */

import { type Handler, Upgrader } from "../mod.ts";

const upgrader = new Upgrader();

export default {
  port: 8080,
  ...upgrader.handler(async (conn) => {
    for await (const { type, data } of conn) {
      await conn.writeMessage(type, data);
    }
  }),
} as Handler;
