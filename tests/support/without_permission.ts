/** What is told of a permission that Deno has not been given: one line of JSON each. */

import { dial, serve } from "../../mod.ts";

for (const engine of ["wire", "native"] as const) {
  for (const hostname of ["127.0.0.1", "localhost", "::1"]) {
    const told = await serve(() => {}, { engine, hostname, port: 0 })
      .then(() => "served", (error) => error.message);
    console.log(JSON.stringify(told));
  }
}
for (const url of ["ws://127.0.0.1:1/", "ws://localhost:1/"]) {
  const told = await dial(url).then(() => "dialed", (error) => error.message);
  console.log(JSON.stringify(told));
}
