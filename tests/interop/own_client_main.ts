/** The runtime's own client as a program: prints what it has seen. */

import process from "node:process";

import { exercise } from "./own_client.ts";

console.log(JSON.stringify(await exercise(Number(process.argv[2]))));
process.exit();
