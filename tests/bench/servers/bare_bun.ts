/**
 * An echo by the callbacks of Bun's own WebSocket, and nothing else; on `/hub`,
 * its own `publish`.
 */

import { jsonText } from "../load/frames.ts";
import { announce } from "../../support/process/control.ts";
import type { Certificate } from "../../support/certificates.ts";
import { certificateIfAsked } from "./certificate.ts";

interface Socket {
  data: { count: number; joined: boolean };
  send(data: string | Uint8Array): void;
  subscribe(topic: string): void;
}

interface BunServe {
  serve(options: {
    port: number;
    hostname: string;
    tls: Certificate | undefined;
    fetch(
      request: Request,
      server: {
        upgrade(request: Request, options: { data: Socket["data"] }): boolean;
      },
    ): undefined;
    websocket: {
      message(socket: Socket, data: string | Uint8Array): void;
    };
  }): { port: number; publish(topic: string, data: string): void };
}

const news = jsonText(1024);

const { Bun } = globalThis as unknown as { Bun: BunServe };
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  tls: certificateIfAsked(),
  fetch(request, server) {
    const { pathname, search } = new URL(request.url);
    const count = pathname === "/hub" ? Number(search.slice(1)) : 0;
    server.upgrade(request, { data: { count, joined: false } });
    return undefined;
  },
  websocket: {
    message(socket, data) {
      const { count, joined } = socket.data;
      if (count === 0) {
        socket.send(data);
      } else if (joined) {
        for (let i = 0; i < count; i++) server.publish("topic", news);
      } else {
        socket.data.joined = true;
        socket.subscribe("topic");
        socket.send(news);
      }
    },
  },
});
announce(server.port);
