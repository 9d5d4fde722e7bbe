/** The runtime's own server as a program; ended by whoever has started it. */

import { startOwnServer } from "./own_server.ts";

console.log(startOwnServer().port);
