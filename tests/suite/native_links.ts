/** The native engines: `Deno.serve` and `Bun.serve`, with a peer over TCP. */

import net from "node:net";

import { BUN_CAPABILITIES } from "../../src/runtime/bun/transport.ts";
import { DENO_CAPABILITIES } from "../../src/runtime/deno/transport.ts";
import { SocketStream } from "../../src/runtime/node/socket_stream.ts";
import { startNative } from "../fixtures/native.ts";
import type { Fixture } from "./fixture.ts";
import { Peer } from "./peer.ts";
import { TCP_IN_FLIGHT } from "./wire_links.ts";

const REQUEST = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");

/** The native engine of a runtime. */
export function native(runtime: "deno" | "bun"): Fixture {
  return {
    name: `native server on ${runtime === "deno" ? "Deno" : "Bun"}`,
    engine: "native",
    side: "server",
    capabilities: runtime === "deno" ? DENO_CAPABILITIES : BUN_CAPABILITIES,
    only: runtime,
    async open(options) {
      const server = startNative(options);
      const [stream, { conn }] = await Promise.all([
        upgraded(server.port),
        server.accept(),
      ]);
      return {
        conn,
        peer: new Peer(stream, true),
        inFlight: TCP_IN_FLIGHT,
        release: () => server[Symbol.asyncDispose](),
      };
    },
  };
}

/** A socket behind the opening handshake. */
async function upgraded(port: number): Promise<SocketStream> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(REQUEST);
  let head = new Uint8Array(0);
  while (true) {
    const chunk = await new Promise<Uint8Array>((resolve, reject) => {
      socket.once("data", resolve);
      socket.once("error", reject);
    });
    socket.pause();
    const joined = new Uint8Array(head.length + chunk.length);
    joined.set(head);
    joined.set(chunk, head.length);
    head = joined;
    const text = new TextDecoder("latin1").decode(head);
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) continue;
    if (!text.startsWith("HTTP/1.1 101 ")) throw new Error(text);
    return new SocketStream(socket, { head: head.slice(end + 4) });
  }
}
