/**
 * A server on the native engine, for a process that may open few files. Prints
 * its port, what `onError` is told, and when the server has finished.
 */

import process from "node:process";

import { serve } from "../../mod.ts";

const server = await serve((conn) => conn.send("Welcome"), {
  port: 0,
  hostname: "127.0.0.1",
  engine: "native",
  onError: (error) => console.log(JSON.stringify(String(error))),
});
console.log(server.addr.port);
await server.finished;
console.log('"finished"');
process.stdin.on("end", () => process.exit());
process.stdin.resume();
