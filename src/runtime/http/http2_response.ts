import type { ServerHttp2Stream } from "node:http2";

import { cancelStream, endStream } from "../sockets/http2_stream.ts";
import { writeBody } from "./node_response.ts";

// They belong to HTTP/1.1 (RFC 9113, section 8.2.2), or would have to be right.
const FRAMING: readonly string[] = [
  "connection",
  "content-length",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
];

/**
 * Sends the head of an answer.
 *
 * @param stream The stream
 * @param status The status
 * @param headers The headers, of which those of HTTP/1.1 are left out
 * @returns Whether it went out; `false` where the client has gone
 */
export function respond(
  stream: ServerHttp2Stream,
  status: number,
  headers: Iterable<[string, string]>,
): boolean {
  if (stream.closed || stream.destroyed) return false;
  const fields: Record<string, string> = Object.create(null);
  const cookies: string[] = [];
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (FRAMING.includes(key)) continue;
    const before = fields[key];
    // The only one that is no list (RFC 9110, section 5.3).
    if (key === "set-cookie") cookies.push(value);
    else fields[key] = before === undefined ? value : `${before}, ${value}`;
  }
  try {
    stream.respond({
      ...fields,
      ...cookies.length > 0 ? { "set-cookie": cookies } : {},
      ":status": status,
    });
    return true;
  } catch {
    // A stream that has just gone throws: uncaught, that would end the process.
    return false;
  }
}

/**
 * Answers an extended CONNECT without a connection: the whole response, then
 * the end of the stream. A peer that takes nothing is cut.
 *
 * @param stream The stream, whose errors somebody handles
 * @param response The response; its body is used up
 * @param timeout The milliseconds that it may take
 * @param report Learns what the body has failed with
 */
export async function refuseOnStream(
  stream: ServerHttp2Stream,
  { status, headers, body }: Response,
  timeout: number,
  report: (error: unknown) => void,
): Promise<void> {
  const timer = setTimeout(() => cancelStream(stream), timeout);
  try {
    const closed = new Promise<void>((resolve) => {
      if (stream.closed) resolve();
      else stream.once("close", () => resolve());
    });
    if (!respond(stream, status, headers)) {
      await body?.cancel();
      cancelStream(stream);
      return;
    }
    // What the peer still sends must not keep the stream open.
    stream.resume();
    if (body !== null) await writeBody(body, stream);
    endStream(stream);
    await closed;
  } catch (error) {
    cancelStream(stream);
    report(error);
  } finally {
    clearTimeout(timer);
  }
}
