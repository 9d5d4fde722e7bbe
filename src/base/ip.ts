/** IP addresses, as far as proxies and limits need to know them. */

/**
 * The bytes of an IP address: 4 of IPv4, 16 of IPv6. An IPv4-mapped IPv6
 * address (RFC 4291, section 2.5.5.2) counts as IPv4.
 *
 * @param text The address, IPv6 without brackets and zone
 * @returns The bytes, or `undefined` if the text is not an address
 */
export function parseIP(text: string): Uint8Array | undefined {
  if (!text.includes(":")) return parseIPv4(text);
  const bytes = parseIPv6(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes[10] === 0xff && bytes[11] === 0xff &&
    bytes.subarray(0, 10).every((byte) => byte === 0);
  return mapped ? bytes.slice(12) : bytes;
}

/**
 * An IP address as text, always the same for the same address: IPv6 as RFC
 * 5952 has it.
 *
 * @param ip The bytes of {@linkcode parseIP}
 * @returns The text, without brackets
 */
export function formatIP(ip: Uint8Array): string {
  if (ip.length === 4) return ip.join(".");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push((ip[i]! << 8 | ip[i + 1]!).toString(16));
  }
  // RFC 5952, section 4.2: "::" stands for the longest run of zeros, the first
  // of several, and never for a single one.
  const runs = `:${groups.join(":")}:`.match(/:(?:0:){2,}/g) ?? [];
  const longest = runs.reduce((a, b) => b.length > a.length ? b : a, "");
  const text = groups.join(":");
  if (longest === "") return text;
  const shortened = `:${text}:`.replace(longest, "::");
  return shortened.replace(/^:(?!:)/, "").replace(/([^:]):$/, "$1");
}

/**
 * What a socket calls its peer: one that listens on both families reports IPv4
 * peers as IPv6.
 *
 * @param ip The address as the system has it
 * @returns The same, of an IPv4 address as IPv4
 */
export function plainIP(ip: string): string {
  return /^::ffff:(?=\d+\.)/i.test(ip) ? ip.slice(7) : ip;
}

/**
 * Whether two addresses begin with the same bits.
 *
 * @param a The bytes of one
 * @param b The bytes of the other
 * @param bits How many bits; all by default
 * @returns Whether they do; `false` for different families
 */
export function samePrefix(
  a: Uint8Array,
  b: Uint8Array,
  bits: number = a.length * 8,
): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i * 8 < bits; i++) {
    const unequal = a[i]! ^ b[i]!;
    if (unequal >> Math.max(0, 8 - (bits - i * 8)) !== 0) return false;
  }
  return true;
}

/**
 * Whether an address is this machine's own: 127.0.0.0/8 or ::1.
 *
 * @param ip The bytes
 * @returns Whether it is
 */
export function isLoopback(ip: Uint8Array): boolean {
  if (ip.length === 4) return ip[0] === 127;
  return ip.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

function parseIPv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = text.split(".", 5);
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    // Some read "010" as octal, so it is not accepted.
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) {
      return undefined;
    }
    bytes[i] = Number(part);
  }
  return bytes;
}

/** Reads the forms of RFC 4291, section 2.2. */
function parseIPv6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [first = "", second] = halves;
  const head = groups(first, second === undefined);
  const tail = second === undefined ? [] : groups(second, true);
  if (head === undefined || tail === undefined) return undefined;
  const length = head.length + tail.length;
  // "::" stands for at least one group of zeros.
  if (second === undefined ? length !== 16 : length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of groups; the last may be an IPv4 address if `last` is true. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
      continue;
    }
    const ip = last && i === parts.length - 1 ? parseIPv4(part) : undefined;
    if (ip === undefined) return undefined;
    bytes.push(...ip);
  }
  return bytes;
}
