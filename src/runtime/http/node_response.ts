import type { ServerResponse } from "node:http";
import type { Duplex, Writable } from "node:stream";

import { cut, resumeTCPBelowTLS } from "../quirks/tls_flow.ts";

// Bytes to write at once: small enough to see that a slow peer takes something.
const MAX_PART = 65_536;

/**
 * Called when what has been written waits for the peer, and when it has gone
 * out.
 */
export interface Taking {
  offered(): void;
  taken(): void;
}

/**
 * Sends a web `Response` through node's. A client that disconnects cancels the
 * body.
 *
 * @param target Node's response, of which nothing has been sent
 * @param response The response, whose body is consumed
 * @param method The request's method
 * @param taking Called as the peer takes it
 * @throws {TypeError} If the response's body has been used, its status is not
 * final, or its Content-Length is not that of its body: surplus or missing
 * bytes would shift the next answer
 * @throws {unknown} Whatever the body fails with
 */
export async function sendResponse(
  target: ServerResponse,
  response: Response,
  method: string,
  taking: Taking,
): Promise<void> {
  const { status, statusText, headers, body } = response;
  if (response.bodyUsed || body?.locked) {
    throw new TypeError("Cannot send Response: its body has been used");
  }
  // A status of Response.error(), or of an upgrade that is not ours.
  if (status < 200) {
    throw new TypeError(`Cannot send Response: its status is ${status}`);
  }
  // RFC 7230, section 3.3.3.
  const empty = method === "HEAD" || status === 204 || status === 304;
  const length = lengthOf(headers);
  if (body === null && !empty) checkLength(0, length, true);
  target.statusCode = status;
  if (statusText !== "" && isReasonPhrase(statusText)) {
    target.statusMessage = statusText;
  }
  for (const [name, value] of headers) {
    // While the server stops, it sets the Connection header itself.
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
  // A body may take a while, so the head is sent without it. But a head that
  // has gone out must not be flushed: over TLS, Deno would send nothing more.
  const flush = setImmediate(() => {
    if (!target.headersSent) target.flushHeaders();
  });
  try {
    await writeBody(body, target, length, taking);
  } finally {
    clearImmediate(flush);
  }
}

/**
 * Answers a request with only a status.
 *
 * @param target Node's response, of which nothing has been sent
 * @param status The status
 * @param text The status text, which is the body as well
 */
export function refuseRequest(
  target: ServerResponse,
  status: number,
  text: string,
): void {
  for (const name of target.getHeaderNames()) {
    // The server decides whether this is the last answer of the connection.
    if (name !== "connection") target.removeHeader(name);
  }
  target.statusCode = status;
  target.statusMessage = text;
  target.setHeader("Content-Type", "text/plain; charset=utf-8");
  target.end(`${text}\n`);
}

/**
 * Answers what is not HTTP, or comes too slowly; then cuts the connection.
 *
 * @param error Node's, which says what is wrong
 * @param socket The connection
 */
export function refuseClient(
  error: Error & { code?: string },
  socket: Duplex,
): void {
  if (!socket.writable) {
    cut(socket);
    return;
  }
  const status = error.code === "HPE_HEADER_OVERFLOW"
    ? "431 Request Header Fields Too Large"
    : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
    ? "408 Request Timeout"
    : "400 Bad Request";
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\n` +
    "Content-Length: 0\r\n\r\n";
  socket.end(head, () => cut(socket));
}

/**
 * Refuses an upgrade request on its bare socket: sends the whole response, then
 * ends the connection. A peer that neither reads nor closes is cut.
 *
 * @param socket The socket, whose errors somebody handles
 * @param head The bytes of the response's head
 * @param body The body, which is consumed and ends with the connection
 * @param timeout Milliseconds that all this may take
 * @param report Called with what the body fails with
 */
export async function refuseOnSocket(
  socket: Duplex,
  head: Uint8Array,
  body: ReadableStream<Uint8Array> | null,
  timeout: number,
  report: (error: unknown) => void,
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
    resumeTCPBelowTLS(socket);
    if (body === null) socket.end();
    else await writeBody(body, socket);
    await closed;
  } catch (error) {
    // Only a failing body comes here, not a peer that has disconnected.
    cut(socket);
    report(error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether an earlier request of the connection has not been answered yet: the
 * answer would come after the 101 and be taken for frames. Node and Deno keep
 * the pending answer on the socket; Bun delivers no request before the one
 * before it has been answered.
 *
 * @param socket The socket of an upgrade event
 * @returns Whether an answer is due
 */
export function owesAnswer(socket: Duplex): boolean {
  const { _httpMessage: answer } = socket as Duplex & {
    _httpMessage?: ServerResponse | null;
  };
  return answer?.writableEnded === false;
}

/**
 * Whether a text is valid in a status line (RFC 7230, section 3.1.2), as Bun's
 * `Response` accepts any.
 *
 * @param text The text
 * @returns Whether it is valid
 */
export function isReasonPhrase(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

/** The length that the headers announce, if any. */
function lengthOf(headers: Headers): number | undefined {
  const value = headers.get("content-length");
  if (value === null) return undefined;
  if (/^[0-9]{1,15}$/.test(value)) return Number(value);
  throw new TypeError(
    "Cannot send Response: its Content-Length is not a number",
  );
}

/**
 * Throws if a body has more bytes than announced, or, once it is whole, fewer.
 */
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
 * Writes a body, as fast as it is taken, and then ends the sink. If the sink
 * closes first, the body is canceled.
 */
export async function writeBody(
  body: ReadableStream<Uint8Array>,
  sink: Writable,
  length?: number,
  taking?: Taking,
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
  // If the body fails, we do not wait for a client that reads nothing.
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
      for (const part of partsOf(value)) {
        if (sink.write(part) || closed || failed) continue;
        taking?.offered();
        await new Promise<void>((resolve) => void (wake = resolve));
        if (closed) return;
        if (failed) break;
        taking?.taken();
      }
    }
    sink.end();
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    sink.off("drain", onDrain).off("close", onClose);
  }
}

function* partsOf(chunk: Uint8Array): Iterable<Uint8Array> {
  // The sink refuses what is not bytes.
  if (!(chunk instanceof Uint8Array)) yield chunk;
  else {
    for (let start = 0; start < chunk.length; start += MAX_PART) {
      yield chunk.subarray(start, start + MAX_PART);
    }
  }
}
