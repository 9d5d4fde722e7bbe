import { Duplex, type DuplexOptions } from "node:stream";

import { nextTurn } from "../base/turns.ts";
import type { WebSocket } from "./websocket.ts";

/**
 * A node stream of a WebSocket: what is written becomes binary messages, what is
 * received can be read, with backpressure both ways. Its end closes the
 * connection, and its destruction cuts it.
 *
 * @param ws The WebSocket
 * @param options Options of node's `Duplex`
 * @returns The stream
 *
 * @example Usage
 * ```ts
 * import { createWebSocketStream, toWs } from "@silverback/websocket/ws";
 * import { pipe } from "@silverback/websocket/testing";
 * import { once } from "node:events";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = pipe();
 * const duplex = createWebSocketStream(toWs(client), { encoding: "utf8" });
 * server.send("Hello");
 * assertEquals(await once(duplex, "data"), ["Hello"]);
 * duplex.end("Bye");
 * assertEquals((await server.readMessage()).type, 2);
 * assertEquals((await server.closed).code, 1005);
 * await client.closed;
 * ```
 */
export function createWebSocketStream(
  ws: WebSocket,
  options?: DuplexOptions,
): Duplex {
  let terminates = true;
  const whenOpen = (run: () => void) => {
    if (ws.readyState === ws.CONNECTING) ws.once("open", run);
    else run();
  };
  const duplex: Duplex = new Duplex({
    ...options,
    autoDestroy: false,
    emitClose: false,
    objectMode: false,
    writableObjectMode: false,
    read() {
      if (ws.isPaused) ws.resume();
    },
    write(chunk, _encoding, callback) {
      whenOpen(() => ws.send(chunk, callback));
    },
    final(callback) {
      whenOpen(() => {
        if (ws.readyState === ws.CLOSED) return callback();
        ws.once("close", () => callback());
        ws.close();
      });
    },
    destroy(error, callback) {
      const over = () => {
        callback(error);
        // The error's event comes first, in a turn of its own on some runtimes.
        nextTurn().then(() => duplex.emit("close"));
      };
      if (ws.readyState === ws.CLOSED) return over();
      ws.once("error", () => {});
      ws.once("close", over);
      if (terminates) ws.terminate();
    },
  });
  ws.on("message", (data, isBinary) => {
    const text = !isBinary && duplex.readableObjectMode;
    if (!duplex.push(text ? String(data) : data)) ws.pause();
  });
  ws.once("error", (error) => {
    if (duplex.destroyed) return;
    // It closes by itself, and its close frame is to go out.
    terminates = false;
    duplex.destroy(error);
  });
  ws.once("close", () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  duplex.on("end", () => {
    if (!duplex.destroyed && duplex.writableFinished) duplex.destroy();
  });
  duplex.on("finish", () => {
    if (!duplex.destroyed && duplex.readableEnded) duplex.destroy();
  });
  // Without `autoDestroy`, an error destroys nothing else.
  duplex.once("error", () => duplex.destroy());
  return duplex;
}
