/** Writing the head of an HTTP/1.1 message (RFC 7230, section 3). */

/**
 * The bytes of a head, with the empty line that ends it. Each character becomes
 * one byte, so that obs-text is sent as it was given.
 *
 * @param startLine The request line or the status line
 * @param headers The headers in order; names and values have been checked
 * @returns The bytes
 */
export function encodeHead(
  startLine: string,
  headers: readonly (readonly [string, string])[],
): Uint8Array<ArrayBuffer> {
  let text = `${startLine}\r\n`;
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  text += "\r\n";
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
