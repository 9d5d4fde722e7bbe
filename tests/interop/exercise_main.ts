/** The runtime's own client as a program: prints what it has seen. */

import process from "node:process";

import { exercise } from "./exercise.ts";

console.log(JSON.stringify(await exercise(JSON.parse(process.argv[2]!))));
process.exit();
