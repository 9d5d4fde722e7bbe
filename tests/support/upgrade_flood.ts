/**
 * A client that opens connections as fast as they are answered, and leaves each
 * at its answer. Prints a line at the end.
 *
 *     upgrade_flood.ts PORT CONNECTIONS
 */

import { connect } from "node:net";
import process from "node:process";

const AT_A_TIME = 32;

const [, , port, count] = process.argv;
const request = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");
let left = Number(count);

function visit(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () => {
      socket.write(request);
    });
    socket.on("error", reject);
    socket.on("data", () => socket.destroy());
    socket.on("close", () => resolve());
  });
}

await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
  while (left-- > 0) await visit();
}));
console.log("done");
process.exit();
