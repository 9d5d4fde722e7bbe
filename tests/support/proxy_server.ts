/** Proxies for the tests of the Dialer: they let every name be 127.0.0.1. */

import net from "node:net";
import tls from "node:tls";

import type { Certificate } from "./certificates.ts";
import { listen } from "./sockets.ts";

/** A proxy of {@linkcode withProxy}, as its user sees it. */
export interface RelayProxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** What was sent to the proxy itself, one text for each connection. */
  readonly heads: readonly string[];
}

/**
 * Runs a CONNECT proxy, over TLS if it has a certificate, that opens every
 * tunnel to 127.0.0.1.
 */
export async function withProxy(
  fn: (proxy: RelayProxy) => Promise<void>,
  certificate?: Certificate,
): Promise<void> {
  const heads: string[] = [];
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  };
  const onClient = (client: net.Socket) => {
    keep(client);
    let head = "";
    client.on("data", function onData(chunk: Uint8Array) {
      head += String.fromCharCode(...chunk);
      if (!head.includes("\r\n\r\n")) return;
      client.off("data", onData);
      client.pause();
      heads.push(head);
      const port = Number(/^CONNECT \S+:(\d+) /.exec(head)?.[1]);
      const target = net.connect({ port, host: "127.0.0.1" }, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(target).pipe(client);
      });
      keep(target);
      target.on("close", () => client.destroy());
      client.on("close", () => target.destroy());
    });
  };
  const server = certificate === undefined
    ? net.createServer(onClient)
    : tls.createServer({ ...certificate }, onClient);
  server.on("connection", keep);
  server.on("tlsClientError", () => {});
  const port = await listen(server);
  try {
    await fn({ address: `127.0.0.1:${port}`, heads });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}
