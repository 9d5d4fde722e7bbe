/** What a stream of HTTP/2 has of its own: its ends, and where it is from. */

import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

import type { AddressPart, ServerPart } from "./address.ts";

/** What knows where a stream is from. */
type Carrier = AddressPart & ServerPart;

// RFC 9113, section 7.
const NO_ERROR = 0;
const CANCEL = 8;

/** What is used of a stream; any of it may be missing at its end. */
type Http2Part = Partial<
  Pick<ServerHttp2Stream, "rstCode" | "respond" | "session">
>;

/**
 * Whether a duplex is a stream of HTTP/2.
 *
 * @param socket The duplex
 * @returns Whether it is, of either side
 */
export function isHttp2Stream(socket: Duplex): boolean {
  return "rstCode" in socket && "session" in socket;
}

/**
 * What knows the addresses: of a stream, the socket of its session.
 *
 * @param socket The stream, or a socket
 * @returns The socket; of a session that has ended, nothing
 */
export function carrierOf(socket: Duplex & Carrier): Carrier {
  if (!isHttp2Stream(socket)) return socket;
  try {
    const at: Carrier = (socket as Http2Part).session?.socket ?? {};
    const { localAddress, localPort, remoteAddress, remotePort, server } = at;
    return { localAddress, localPort, remoteAddress, remotePort, server };
  } catch {
    // The socket of a session that has ended throws at every question.
    return {};
  }
}

/**
 * Ends the sending direction: END_STREAM, which stands for TCP's FIN (RFC 8441,
 * section 5). Of a server's stream that is all: Firefox does not end its half
 * after the closing handshake, so RST_STREAM with NO_ERROR asks no more of it
 * (RFC 9113, section 8.1).
 *
 * @param stream The stream
 */
export function endStream(stream: Duplex): void {
  stream.end();
  if (typeof (stream as Http2Part).respond !== "function") return;
  const over = () => {
    // The frame that ends the stream is sent after this event.
    setImmediate(() => closeWith(stream, NO_ERROR));
  };
  if (stream.writableFinished) over();
  else stream.once("finish", over);
}

/**
 * Ends both directions at once: RST_STREAM with CANCEL, which stands for TCP's
 * RST (RFC 8441, section 5).
 *
 * @param stream The stream
 */
export function cancelStream(stream: Duplex): void {
  // close() calls end(), and on Deno and Bun END_STREAM goes out before the RST
  // then: the peer would take it for an orderly end.
  stream.end = () => stream;
  closeWith(stream, CANCEL);
  // The frame may have to wait for the session's peer; our end does not.
  stream.destroy();
}

function closeWith(stream: Duplex, code: number): void {
  const { closed, destroyed } = stream;
  if (closed || destroyed) return;
  try {
    (stream as Duplex & { close(code: number): void }).close(code);
  } catch {
    // The session has gone, and the stream with it.
  }
}
