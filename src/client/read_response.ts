import type { HandshakeResponse } from "../peer_errors.ts";
import { ResponseBodyReader } from "../handshake/response_body.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
  type ResponseHeadResult,
} from "../handshake/response_head.ts";
import type { HandshakeStream } from "../streams/handshake_stream.ts";

// gorilla keeps as much of the body of a refusal.
const MAX_BODY_BYTES = 1024;
// Milliseconds that reading it may take.
const BODY_TIMEOUT = 1000;

/**
 * Reads the head of a server's or a proxy's answer. What follows the head is
 * given back to the stream, to be read next.
 *
 * @param stream The stream
 * @param signal Gives up
 * @returns The head, or what is wrong with it; `undefined` if the stream ended
 * first; rejects with the stream's error or the signal's reason
 */
export async function readAnswerHead(
  stream: HandshakeStream,
  signal: AbortSignal,
): Promise<ResponseHeadResult | undefined> {
  const parser = new ResponseHeadParser();
  for (;;) {
    const chunk = await stream.read(signal);
    if (chunk === undefined) return undefined;
    const result = parser.push(chunk);
    if (result === undefined) continue;
    if (result.ok) stream.unread(result.rest);
    return result;
  }
}

/**
 * Reads the beginning of a refusal's body: what arrives in time, up to the
 * limit.
 *
 * @param stream The stream, after the head
 * @param head The head
 * @param signal Stops the reading
 * @returns At most 1024 bytes
 */
export async function readAnswerBody(
  stream: HandshakeStream,
  head: ResponseHead,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new ResponseBodyReader(head, MAX_BODY_BYTES);
  const grace = new AbortController();
  const cut = () => grace.abort();
  const timer = setTimeout(cut, BODY_TIMEOUT);
  signal.addEventListener("abort", cut);
  try {
    while (!reader.done) {
      const chunk = await stream.read(grace.signal);
      if (chunk === undefined) break;
      reader.push(chunk);
    }
  } catch {
    // The rest will not come: what there is has to do.
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cut);
  }
  return reader.bytes;
}

/**
 * An answer as applications see it.
 *
 * @param head The head
 * @param body What has been read of the body; nothing by default
 * @returns The answer
 */
export function toResponse(
  head: ResponseHead,
  body: Uint8Array<ArrayBuffer> = new Uint8Array(0),
): HandshakeResponse {
  const headers = new Headers();
  for (const [name, value] of head.headers) headers.append(name, value);
  return { status: head.status, headers, body };
}
