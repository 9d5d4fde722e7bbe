/** What a SOCKS5 proxy's bytes come to (RFC 1928 and RFC 1929), read as a whole. */

/** An open tunnel and where its bytes begin, a refusal, or a wait for more. */
export type SocksOutcome = number | "failed" | "pending";

/** Reads all that a proxy has sent. */
export function referenceSocks(
  bytes: Uint8Array,
  hasUser: boolean,
): SocksOutcome {
  let at = 0;
  // RFC 1928, section 3: VER and METHOD
  if (bytes.length === 0) return "pending";
  if (bytes[at] !== 5) return "failed";
  if (bytes.length < 2) return "pending";
  const method = bytes[1];
  at = 2;
  if (method === 2 && hasUser) {
    // RFC 1929, section 2: VER and STATUS
    if (bytes.length === at) return "pending";
    if (bytes[at] !== 1) return "failed";
    if (bytes.length === at + 1) return "pending";
    if (bytes[at + 1] !== 0) return "failed";
    at += 2;
  } else if (method !== 0) {
    return "failed";
  }
  // RFC 1928, section 6: VER, REP, RSV, ATYP, BND.ADDR, BND.PORT
  const reply = bytes.subarray(at);
  if (reply.length === 0) return "pending";
  if (reply[0] !== 5) return "failed";
  if (reply.length === 1) return "pending";
  if (reply[1] !== 0) return "failed";
  // The address needs a byte more, of a name the length.
  if (reply.length < 5) return "pending";
  const sizes: Record<number, number> = { 1: 4, 3: 1 + reply[4]!, 4: 16 };
  const size = sizes[reply[3]!];
  if (size === undefined) return "failed";
  const end = 4 + size + 2;
  return reply.length < end ? "pending" : at + end;
}
