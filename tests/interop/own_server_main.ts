/** The runtime's own server as a program: prints its port, ends with its input. */

import process from "node:process";

import { startOwnServer } from "./own_server.ts";

console.log(startOwnServer().port);
process.stdin.on("end", () => process.exit()).resume();
