/** The challenge of the handshake: key and accept (RFC 6455, section 4). */

import { hash } from "node:crypto";

// RFC 6455, section 1.3.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const KEY_LENGTH = 24;
const NONCE_BYTES = 16;

/**
 * Whether a `Sec-WebSocket-Key` decodes to exactly 16 bytes (RFC 6455, section
 * 4.2.1). The unused bits of the base64 may be anything: some devices send 24
 * arbitrary characters, and the answer depends only on the key's text.
 *
 * @param key The header's value, or `null` if there is no such header
 * @returns Whether it is valid
 */
export function isValidKey(key: string | null): key is string {
  if (key === null || key.length !== KEY_LENGTH || !key.endsWith("==")) {
    return false;
  }
  for (let i = 0; i < KEY_LENGTH - 2; i++) {
    if (!isBase64(key.charCodeAt(i))) return false;
  }
  return true;
}

/**
 * The `Sec-WebSocket-Accept` that answers a key (RFC 6455, section 4.2.2).
 *
 * @param key The key, as it was sent
 * @returns The base64 of the SHA-1 of the key and the protocol's GUID
 */
export function acceptKey(key: string): string {
  // Takes 2 µs on Deno and 0.2 on Bun, Web Crypto's digest 23 and 3: a fifth of
  // what a connection costs.
  return hash("sha1", key + GUID, "base64");
}

/**
 * Makes a fresh key from 16 bytes of the platform's secure randomness (RFC
 * 6455, section 4.1).
 *
 * @returns The key
 */
export function generateKey(): string {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  return btoa(String.fromCharCode(...nonce));
}

function isBase64(code: number): boolean {
  return code >= 0x41 && code <= 0x5a || code >= 0x61 && code <= 0x7a ||
    code >= 0x30 && code <= 0x39 || code === 0x2b || code === 0x2f;
}
