/** The challenge of the handshake: key and accept (RFC 6455, section 4). */

// RFC 6455, section 1.3.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const KEY_LENGTH = 24;
const NONCE_BYTES = 16;

/**
 * Whether a `Sec-WebSocket-Key` is the base64 of exactly 16 bytes (RFC 6455,
 * section 4.2.1), in its one canonical form: padded, unused bits zero.
 *
 * @param key The header's value, or `null` where there is no such header
 * @returns Whether it is valid
 */
export function isValidKey(key: string | null): key is string {
  if (key === null || key.length !== KEY_LENGTH || !key.endsWith("==")) {
    return false;
  }
  for (let i = 0; i < KEY_LENGTH - 2; i++) {
    if (!isBase64(key.charCodeAt(i))) return false;
  }
  // 22 digits are 132 bits; the last four of them stand for nothing.
  return "AQgw".includes(key.charAt(KEY_LENGTH - 3));
}

/**
 * The `Sec-WebSocket-Accept` that answers a key (RFC 6455, section 4.2.2).
 *
 * @param key The key, as it was sent
 * @returns The base64 of the SHA-1 of the key and the protocol's GUID
 */
export async function acceptKey(key: string): Promise<string> {
  const input = new TextEncoder().encode(key + GUID);
  const digest = await crypto.subtle.digest("SHA-1", input);
  return base64(new Uint8Array(digest));
}

/**
 * Makes a fresh key from 16 bytes of the platform's secure randomness (RFC
 * 6455, section 4.1).
 *
 * @returns The key
 */
export function generateKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function isBase64(code: number): boolean {
  return code >= 0x41 && code <= 0x5a || code >= 0x61 && code <= 0x7a ||
    code >= 0x30 && code <= 0x39 || code === 0x2b || code === 0x2f;
}
