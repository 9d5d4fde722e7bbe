/**
 * Listeners of signals that throw. Prints what is told of them, a line of JSON
 * each, and goes on: a runner of tests takes such errors for its own.
 */

import net from "node:net";
import { once } from "node:events";

import { Dialer, serve } from "../../mod.ts";

function tell(what: unknown): void {
  console.log(JSON.stringify(what));
}

for (const when of ["time-out", "signal"]) {
  const controller = new AbortController();
  const dialer = new Dialer({
    netDial: (_address, { signal }) => {
      signal.addEventListener("abort", () => {
        throw "listener";
      });
      if (when === "signal") queueMicrotask(() => controller.abort());
      return new Promise(() => {});
    },
    handshakeTimeout: when === "signal" ? 10_000 : 10,
  });
  const { name, phase, cause } = await dialer
    .dial("ws://a/", { signal: controller.signal }).catch((error) => error);
  tell([name, phase, cause]);
}

const asked = Promise.withResolvers<void>();
const told = Promise.withResolvers<void>();
const errors: unknown[] = [];
const server = await serve((conn) => conn.send("Welcome"), {
  port: 0,
  hostname: "127.0.0.1",
  onError: (error) => {
    errors.push(error);
    if (errors.length === 2) told.resolve();
  },
  fetch: ({ signal }) => {
    signal.addEventListener("abort", () => {
      throw "listener";
    });
    signal.onabort = () => {
      throw "property";
    };
    asked.resolve();
    return new Promise(() => {});
  },
});
const socket = net.connect(server.addr.port, "127.0.0.1");
socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
await asked.promise;
socket.destroy();
await once(socket, "close");
await told.promise;
tell(errors.sort());

const { conn } = await new Dialer().dial(`ws://127.0.0.1:${server.addr.port}`);
tell((await conn.readMessage()).data);
await conn.close();
await server.shutdown();
