/**
 * A server on the wire engine, for a process that may open few files. Prints its
 * port, and ends with its standard input.
 *
 *     crowded_server.ts [MAX_CONNS]
 */

import process from "node:process";

import { serve } from "../../mod.ts";

const [, , maxConns] = process.argv;
const server = await serve((conn) => conn.send("Welcome"), {
  port: 0,
  hostname: "127.0.0.1",
  // Whoever is taken stays longer than any test.
  upgrader: { handshakeTimeout: 600_000 },
  ...(maxConns === undefined ? {} : { maxConns: Number(maxConns) }),
  onError: () => {},
});
console.log(server.addr.port);
process.stdin.on("end", () => process.exit());
process.stdin.resume();
