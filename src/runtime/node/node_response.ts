import type { ServerResponse } from "node:http";
import type { Duplex, Writable } from "node:stream";

import { cut, startBeneath } from "./tls_flow.ts";

/**
 * Sends a web `Response` by node's. A client that goes away cancels the body.
 *
 * @param target Node's response, of which nothing has been sent
 * @param response The response; its body is used up
 * @param method The request's method
 * @throws {TypeError} If the response's body has been used, its status is no
 * final one, or its Content-Length is not its body's: what is too much or too
 * little would be taken for the next answer's
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
  // RFC 7230, section 3.3.3
  const empty = method === "HEAD" || status === 204 || status === 304;
  const length = lengthOf(headers);
  if (body === null && !empty) checkLength(0, length, true);
  target.statusCode = status;
  if (statusText !== "" && isReasonPhrase(statusText)) {
    target.statusMessage = statusText;
  }
  for (const [name, value] of headers) {
    // While the server stops, its own word on the connection holds.
    if (
      name !== "set-cookie" && name !== "transfer-encoding" &&
      !(name === "connection" && target.hasHeader(name))
    ) {
      target.setHeader(name, value);
    }
  }
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) target.setHeader("Set-Cookie", cookies);
  if (body === null || empty) {
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
    await writeBody(body, target, length);
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
  const timer = setTimeout(() => cut(socket), timeout);
  try {
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    socket.write(head);
    // What the peer still sends must not keep the socket open.
    socket.resume();
    startBeneath(socket);
    if (body === null) socket.end();
    else await writeBody(body, socket);
    await closed;
  } catch {
    // The peer has gone, or the body failed: there is nobody to tell.
    cut(socket);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether the answer to an earlier request of the connection has not been given:
 * it would come behind the 101 and be taken for frames. Node and Deno note it on
 * the socket; Bun brings no request before that.
 *
 * @param socket The socket of an upgrade event
 * @returns Whether there is one
 */
export function owesAnswer(socket: Duplex): boolean {
  const { _httpMessage: answer } = socket as Duplex & {
    _httpMessage?: ServerResponse | null;
  };
  return answer?.writableEnded === false;
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

/** The length that the headers announce, if they do. */
function lengthOf(headers: Headers): number | undefined {
  const value = headers.get("content-length");
  if (value === null) return undefined;
  if (/^[0-9]{1,15}$/.test(value)) return Number(value);
  throw new TypeError("Cannot send Response: its Content-Length is no number");
}

/** Throws if so many bytes of a body are too many, or, of a whole one, too few. */
function checkLength(
  bytes: number,
  length: number | undefined,
  whole: boolean,
): void {
  if (length === undefined) return;
  if (whole ? bytes === length : bytes <= length) return;
  throw new TypeError(
    `Cannot send Response: its body is ${whole ? "shorter" : "longer"} than ` +
      `its Content-Length of ${length} bytes, leave that header out`,
  );
}

/**
 * Writes a body, as fast as it is taken, and ends the sink behind it. A sink that
 * closes before cancels the body.
 */
async function writeBody(
  body: ReadableStream<Uint8Array>,
  sink: Writable,
  length?: number,
): Promise<void> {
  const reader = body.getReader();
  let written = 0;
  let closed = false;
  let failed = false;
  let wake = () => {};
  const onDrain = () => wake();
  const onClose = () => {
    closed = true;
    reader.cancel(new Error("The client has gone")).catch(() => {});
    wake();
  };
  sink.on("drain", onDrain).on("close", onClose);
  if (sink.destroyed) onClose();
  // A body that fails does not wait for a client that reads nothing.
  reader.closed.catch(() => {
    failed = true;
    wake();
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (closed) return;
      written += value?.length ?? 0;
      checkLength(written, length, done);
      if (done) break;
      if (sink.write(value) || closed || failed) continue;
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
