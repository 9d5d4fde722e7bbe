import { encodeHead } from "../handshake/head.ts";
import { joinHostPort } from "../handshake/host_port.ts";
import type { ProxyServer } from "./proxy_url.ts";

/**
 * The request for a tunnel (RFC 7231, section 4.3.6). It contains nothing of
 * the handshake that goes through the tunnel.
 *
 * @param proxy The proxy; its credentials are sent if there is a password
 * @param hostname The host to connect to, an IPv6 address without its brackets
 * @param port The port to connect to
 * @returns The bytes
 */
export function encodeConnectRequest(
  proxy: ProxyServer,
  hostname: string,
  port: number,
): Uint8Array<ArrayBuffer> {
  const authority = joinHostPort(hostname, port);
  const headers: [string, string][] = [["Host", authority]];
  const { username, password } = proxy;
  // As in gorilla, a user name without a password is not sent.
  if (password !== "") {
    headers.push([
      "Proxy-Authorization",
      `Basic ${base64(`${username}:${password}`)}`,
    ]);
  }
  return encodeHead(`CONNECT ${authority} HTTP/1.1`, headers);
}

/** Encodes the text's UTF-8 bytes (RFC 7617, section 2.1). */
function base64(text: string): string {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) {
    bytes += String.fromCharCode(byte);
  }
  return btoa(bytes);
}
