/** Ours by `listener()`, on a server of HTTP/2 that speaks HTTP/1.1 as well. */

import http2 from "node:http2";
import type { AddressInfo } from "node:net";

import { Upgrader } from "../../../mod.ts";
import { announce } from "../../support/process/control.ts";
import { certificateIfAsked } from "./certificate.ts";

const listener = new Upgrader().listener(async (conn) => {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
});

const server = http2.createSecureServer({
  ...certificateIfAsked(),
  allowHTTP1: true,
  settings: { enableConnectProtocol: true },
}, (_request, response) => void response.end());
server.on("upgrade", listener);
server.on("connect", listener);
server.listen(0, "127.0.0.1", () => {
  announce((server.address() as AddressInfo).port);
});
