import type { ServerResponse } from "node:http";
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

/**
 * Sends a web `Response` by node's. A client that goes away cancels the body.
 *
 * @param target Node's response, of which nothing has been sent
 * @param response The response; its body is used up
 * @param method The request's method
 * @throws {TypeError} If the response's body has been used
 */
export async function sendResponse(
  target: ServerResponse,
  response: Response,
  method: string,
): Promise<void> {
  if (response.bodyUsed) {
    throw new TypeError("Cannot send Response: its body has been used");
  }
  target.statusCode = response.status;
  if (response.statusText !== "") target.statusMessage = response.statusText;
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") target.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) target.setHeader("Set-Cookie", cookies);
  const { body } = response;
  // RFC 7230, section 3.3.3
  const { status } = response;
  if (body === null || method === "HEAD" || status === 204 || status === 304) {
    await body?.cancel();
    target.end();
    return;
  }
  await pipeline(readable(body), target);
}

/**
 * Answers an upgrade request without an upgrade, on its bare socket: the whole
 * response, then the end of the connection. A peer that neither reads nor
 * closes is cut.
 *
 * @param socket The socket, whose errors somebody handles
 * @param head The bytes of the response's head
 * @param body The body, which the end of the connection ends; it is used up
 * @param timeout The milliseconds that it may take
 */
export async function refuseOnSocket(
  socket: Duplex,
  head: Uint8Array,
  body: ReadableStream<Uint8Array> | null,
  timeout: number,
): Promise<void> {
  const timer = setTimeout(() => socket.destroy(), timeout);
  try {
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    socket.write(head);
    if (body === null) socket.end();
    else await pipeline(readable(body), socket);
    // What the peer still sends must not keep the socket open.
    socket.resume();
    await closed;
  } catch {
    // The peer has gone, or the body failed: there is nobody to tell.
    socket.destroy();
  } finally {
    clearTimeout(timer);
  }
}

function readable(body: ReadableStream<Uint8Array>): Readable {
  return Readable.fromWeb(body as NodeReadableStream<Uint8Array>);
}
