/** An echo by the callbacks of Bun's own WebSocket, and nothing else. */

import { announce } from "../../process/control.ts";
import type { Certificate } from "../../certificates.ts";
import { certificateIfAsked } from "./certificate.ts";

interface BunServe {
  serve(options: {
    port: number;
    hostname: string;
    tls: Certificate | undefined;
    fetch(
      request: Request,
      server: { upgrade(request: Request): boolean },
    ): undefined;
    websocket: {
      message(
        socket: { send(data: string | Uint8Array): void },
        data: string | Uint8Array,
      ): void;
    };
  }): { port: number };
}

const { Bun } = globalThis as unknown as { Bun: BunServe };
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  tls: certificateIfAsked(),
  fetch(request, server) {
    server.upgrade(request);
    return undefined;
  },
  websocket: {
    message(socket, data) {
      socket.send(data);
    },
  },
});
announce(server.port);
