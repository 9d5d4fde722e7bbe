/** An echo by the callbacks of Deno's own WebSocket, and nothing else. */

import { announce } from "../../support/process/control.ts";
import { certificateIfAsked } from "./certificate.ts";

const server = Deno.serve(
  { port: 0, hostname: "127.0.0.1", onListen() {}, ...certificateIfAsked() },
  (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  },
);
announce(server.addr.port);
