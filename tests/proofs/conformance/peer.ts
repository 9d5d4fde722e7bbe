/** The suite's end of a connection, behind the opening handshake. */

import { createHash } from "node:crypto";
import type { Socket } from "node:net";

import {
  RawPeer,
  socketLine,
  UPGRADE_HEADERS,
} from "../../support/raw_peer.ts";
import { ascii } from "../../unit/handshake/bytes.ts";

// RFC 6455, section 1.3.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Opens a connection to a server; the extensions that it has chosen. */
export async function dialTarget(
  port: number,
  offer?: string,
): Promise<{ peer: RawPeer; extensions: string | undefined }> {
  const { peer, head } = await RawPeer.upgrade(
    port,
    offer === undefined ? [] : [`Sec-WebSocket-Extensions: ${offer}`],
  );
  const key = headerOf(
    UPGRADE_HEADERS.join("\r\n") + "\r\n",
    "Sec-WebSocket-Key",
  );
  if (
    !head.startsWith("HTTP/1.1 101 ") ||
    headerOf(head, "Sec-WebSocket-Accept") !== acceptOf(key ?? "")
  ) throw new Error(`The target has not upgraded: ${head}`);
  return { peer, extensions: headerOf(head, "Sec-WebSocket-Extensions") };
}

/** Opens a connection of a client; `choose` answers its offer. */
export async function acceptTarget(
  socket: Socket,
  choose: (path: string, offer: string | undefined) => string | undefined,
): Promise<RawPeer> {
  const peer = new RawPeer(socketLine(socket), "server");
  const head = await peer.head();
  const [, path = ""] = head.split(" ", 2);
  const extensions = choose(path, headerOf(head, "Sec-WebSocket-Extensions"));
  await peer.write(ascii([
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${
      acceptOf(headerOf(head, "Sec-WebSocket-Key") ?? "")
    }`,
    ...extensions === undefined
      ? []
      : [`Sec-WebSocket-Extensions: ${extensions}`],
    "\r\n",
  ].join("\r\n")));
  return peer;
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \t]*(.*?)[ \t]*\r$`, "im").exec(head)?.[1];
}

// Section 4.2.2.
function acceptOf(key: string): string {
  return createHash("sha1").update(key + GUID).digest("base64");
}
