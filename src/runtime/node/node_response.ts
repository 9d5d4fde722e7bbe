import type { ServerResponse } from "node:http";
import type { Duplex, Writable } from "node:stream";

/**
 * Sends a web `Response` by node's. A client that goes away cancels the body.
 *
 * @param target Node's response, of which nothing has been sent
 * @param response The response; its body is used up
 * @param method The request's method
 * @throws {TypeError} If the response's body has been used, or its status is no
 * final one
 * @throws {unknown} What the body fails with
 */
export async function sendResponse(
  target: ServerResponse,
  response: Response,
  method: string,
): Promise<void> {
  const { status, statusText, headers, body } = response;
  if (response.bodyUsed || body?.locked) {
    throw new TypeError("Cannot send Response: its body has been used");
  }
  // That of Response.error(), or of an upgrade that is not ours.
  if (status < 200) {
    throw new TypeError(`Cannot send Response: its status is ${status}`);
  }
  target.statusCode = status;
  if (statusText !== "" && isReasonPhrase(statusText)) {
    target.statusMessage = statusText;
  }
  for (const [name, value] of headers) {
    // While the server stops, its own word on the connection holds.
    if (
      name !== "set-cookie" &&
      !(name === "connection" && target.hasHeader(name))
    ) {
      target.setHeader(name, value);
    }
  }
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) target.setHeader("Set-Cookie", cookies);
  // RFC 7230, section 3.3.3
  if (body === null || method === "HEAD" || status === 204 || status === 304) {
    await body?.cancel();
    target.end();
    return;
  }
  // A body may take its time: who waits for the head gets it. A head that is
  // out must not be flushed: over TLS, Deno would send nothing more.
  const flush = setImmediate(() => {
    if (!target.headersSent) target.flushHeaders();
  });
  try {
    await writeBody(body, target);
  } finally {
    clearImmediate(flush);
  }
}

/**
 * Answers a request with a status and nothing else.
 *
 * @param target Node's response, of which nothing has been sent
 * @param status The status
 * @param text Its text, the body as well
 */
export function refuseRequest(
  target: ServerResponse,
  status: number,
  text: string,
): void {
  for (const name of target.getHeaderNames()) target.removeHeader(name);
  target.statusCode = status;
  target.statusMessage = text;
  target.setHeader("Content-Type", "text/plain; charset=utf-8");
  target.end(`${text}\n`);
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
    // What the peer still sends must not keep the socket open.
    socket.resume();
    if (body === null) socket.end();
    else await writeBody(body, socket);
    await closed;
  } catch {
    // The peer has gone, or the body failed: there is nobody to tell.
    socket.destroy();
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether a text can stand in a status line (RFC 7230, section 3.1.2): Bun's
 * `Response` takes any.
 *
 * @param text The text
 * @returns Whether it can
 */
export function isReasonPhrase(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

/**
 * Writes a body, as fast as it is taken, and ends the sink behind it. A sink that
 * closes before cancels the body.
 */
async function writeBody(
  body: ReadableStream<Uint8Array>,
  sink: Writable,
): Promise<void> {
  const reader = body.getReader();
  let closed = false;
  let wake = () => {};
  const onDrain = () => wake();
  const onClose = () => {
    closed = true;
    reader.cancel(new Error("The client has gone")).catch(() => {});
    wake();
  };
  sink.on("drain", onDrain).on("close", onClose);
  if (sink.destroyed) onClose();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (closed) return;
      if (done) break;
      if (sink.write(value) || closed) continue;
      await new Promise<void>((resolve) => void (wake = resolve));
    }
    sink.end();
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    sink.off("drain", onDrain).off("close", onClose);
  }
}
