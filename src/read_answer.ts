import type { HandshakeResponse } from "./errors.ts";
import { ResponseBodyReader } from "./handshake/response_body.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
  type ResponseHeadResult,
} from "./handshake/response_head.ts";
import type { PulledStream } from "./pulled_stream.ts";

// As much of a refused answer's body as gorilla keeps.
const MAX_BODY_BYTES = 1024;
// The milliseconds that it may take.
const BODY_TIMEOUT = 1000;

/**
 * Reads the head of a server's or a proxy's answer. What comes behind it is to
 * be read next.
 *
 * @param stream The stream
 * @param signal Gives up
 * @returns The head or what is wrong with it; `undefined` if the stream ended
 * before; rejects with the stream's error or the signal's reason
 */
export async function readAnswerHead(
  stream: PulledStream,
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
 * Reads the first bytes of a refusal's body, as far as they come in time: what
 * has come is shown.
 *
 * @param stream The stream, behind the head
 * @param head The head
 * @param signal Ends it
 * @returns At most 1024 bytes
 */
export async function readAnswerBody(
  stream: PulledStream,
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
    // The rest does not come.
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
