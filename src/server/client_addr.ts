/** Who the client is, behind proxies that are trusted to say so. */

import { BlockList } from "node:net";

import { formatIP, parseIP } from "../base/ip.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { visible } from "../base/visible.ts";
import type { Addr } from "../transport/transport.ts";

/** Which proxies are believed, and by which header they tell of the client. */
export interface TrustProxyOptions {
  /**
   * The addresses of the proxies: IP addresses, ranges such as `10.0.0.0/8` and
   * `2001:db8::/32`, and `"unix"` for the peers of a server that listens on a
   * unix socket. Name only those that no client can have. An IPv4 address that
   * is written as IPv6, `::ffff:10.0.0.1`, is IPv4.
   */
  readonly from: readonly string[];
  /**
   * The header that the proxies set. Only this one is read: a proxy that sets
   * one passes on what a client has sent in the other.
   *
   * @default {"x-forwarded-for"}
   */
  readonly header?: "x-forwarded-for" | "forwarded";
}

/** The options in `trustProxy`. */
export const TRUST_PROXY_OPTIONS: OptionsOf<TrustProxyOptions> = declareOptions(
  {
    what: "trustProxy",
    use: "trustProxy: { … }",
    names: { from: true, header: true },
  },
);

// No way leads through more proxies. What stands further to the left is not
// looked at, however long the header is.
const MAX_HOPS = 64;
// More than a proxy has to say: a host of 255, and a few addresses.
const MAX_ELEMENT = 1024;

/** The proxies that are trusted. */
export class TrustedProxies {
  // One for each family: whether an IPv6 range holds IPv4 addresses is not the
  // same on Deno as on Bun and Node.
  readonly #ipv4: BlockList = new BlockList();
  readonly #ipv6: BlockList = new BlockList();
  readonly #header: "x-forwarded-for" | "forwarded";
  #unix = false;

  /**
   * Reads the option.
   *
   * @param options The option
   * @throws {TypeError} If an address, a range, the header or an option is none
   */
  constructor(options: TrustProxyOptions) {
    const read = readOptions(options, TRUST_PROXY_OPTIONS);
    const { from, header = "x-forwarded-for" } = read;
    if (!Array.isArray(from)) {
      throw new TypeError(
        "Cannot use option trustProxy: from must be an array of the proxies' addresses",
      );
    }
    if (header !== "x-forwarded-for" && header !== "forwarded") {
      throw new TypeError(
        `Cannot use header ${
          show(header)
        } of trustProxy: use "x-forwarded-for" or "forwarded"`,
      );
    }
    this.#header = header;
    for (const range of from) this.#add(range);
  }

  /**
   * The client's address: the rightmost one of the header that is not a trusted
   * proxy's. Each address was written by the hop to the right of it, the last
   * by the peer itself, so those to the left of the first that is not trusted
   * may be made up. The way is followed as far as it can be: where the header
   * ends, or has something other than an address, such as `unknown`, it is the
   * last address that is known.
   *
   * @param headers The request's
   * @param remoteAddr The peer's address
   * @returns The client's
   */
  clientAddr(
    headers: Headers,
    remoteAddr: Addr | undefined,
  ): Addr | undefined {
    if (!this.#trusts(remoteAddr)) return remoteAddr;
    // Several lines have been joined by commas, in their order.
    const value = headers.get(this.#header) ?? "";
    const forwarded = this.#header === "forwarded";
    let addr = remoteAddr;
    let end = value.length;
    for (let hops = 0; end >= 0 && hops < MAX_HOPS; hops++) {
      const comma = forwarded
        ? lastUnquotedComma(value, end)
        : end === 0
        ? -1
        : value.lastIndexOf(",", end - 1);
      const element = value.slice(comma + 1, end).trim();
      end = comma;
      // RFC 9110, section 5.6.1.2: empty elements of a list do not count.
      if (element === "") continue;
      const next = element.length > MAX_ELEMENT
        ? undefined
        : parseNode(forwarded ? forParameter(element) : element);
      if (next === undefined) break;
      addr = next;
      if (!this.#trusts(addr)) break;
    }
    return addr;
  }

  #add(range: unknown): void {
    if (range === "unix") {
      this.#unix = true;
      return;
    }
    const [, text = "", length] =
      /^([0-9a-f:.]{2,45})(?:\/(\d{1,3}))?$/i.exec(String(range)) ?? [];
    const ip = typeof range === "string" ? parseIP(text) : undefined;
    if (ip === undefined) throw notRange(range);
    const bits = ip.length * 8;
    // Of IPv4 written as IPv6, the length counts the 96 bits before it.
    const before = bits === 32 && text.includes(":") ? 96 : 0;
    const prefix = length === undefined ? bits : Number(length) - before;
    if (prefix < 0 || prefix > bits) throw notRange(range);
    if (bits === 32) this.#ipv4.addSubnet(formatIP(ip), prefix, "ipv4");
    else this.#ipv6.addSubnet(formatIP(ip), prefix, "ipv6");
  }

  #trusts(addr: Addr | undefined): boolean {
    if (addr?.transport !== "tcp") return addr !== undefined && this.#unix;
    const ip = ipOf(addr);
    if (ip === undefined) return false;
    return ip.length === 4
      ? this.#ipv4.check(formatIP(ip), "ipv4")
      : this.#ipv6.check(formatIP(ip), "ipv6");
  }
}

/**
 * The bytes of an address.
 *
 * @param addr The address
 * @returns The bytes; `undefined` for what is no IP address
 */
export function ipOf(addr: Addr | undefined): Uint8Array | undefined {
  if (addr?.transport !== "tcp") return undefined;
  // A link-local address has the name of its interface behind it.
  const [ip = ""] = addr.hostname.split("%", 1);
  return parseIP(ip);
}

function notRange(range: unknown): TypeError {
  return new TypeError(
    `Cannot trust proxy ${
      show(range)
    }: use an IP address, a range such as "10.0.0.0/8", or "unix"`,
  );
}

function show(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(visible(value.slice(0, 64)))
    : typeof value;
}

// A node of either header (RFC 7239, section 6), and bare IPv6, as it stands in
// X-Forwarded-For. The port may be hidden.
const NODE =
  /^(?:\[([0-9a-f:.]{2,45})\]|([0-9.]{7,15}))(?::(?:(\d{1,5})|_[\w.-]+))?$/i;

/** An address with or without a port; `unknown` and the like are none. */
function parseNode(text: string | undefined): Addr | undefined {
  if (text === undefined) return undefined;
  const [, ipv6, ipv4, digits = "0"] = NODE.exec(text) ?? [];
  const ip = parseIP(ipv6 ?? ipv4 ?? text);
  const port = Number(digits);
  if (ip === undefined || port > 65_535) return undefined;
  if (ipv6 !== undefined && !ipv6.includes(":")) return undefined;
  return { transport: "tcp", hostname: formatIP(ip), port };
}

/**
 * The last comma before `end` that is not within quotes, or -1. It is found
 * from the right: what a client has written, such as a quote that does not end,
 * must not change how the elements behind it, the proxies' own, are read.
 */
function lastUnquotedComma(text: string, end: number): number {
  let quoted = false;
  for (let i = end - 1; i >= 0; i--) {
    const char = text[i];
    if (char === "," && !quoted) return i;
    if (char !== '"') continue;
    let escapes = 0;
    while (quoted && text[i - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) quoted = !quoted;
    i -= escapes;
  }
  return -1;
}

// A pair, or an empty one.
const PAIR =
  /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^",; \t]*))[ \t]*)?(?:;|$)/y;

/**
 * The value of the parameter `for` of an element (RFC 7239, section 4);
 * `undefined` if it has none, or more than one, or is malformed.
 */
function forParameter(element: string): string | undefined {
  let node: string | undefined;
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < element.length) {
    const pair = PAIR.exec(element);
    if (pair === null) return undefined;
    const [, name, quoted, token] = pair;
    if (name?.toLowerCase() !== "for") continue;
    if (node !== undefined) return undefined;
    node = quoted?.replace(/\\(.)/g, "$1") ?? token;
  }
  return node;
}
