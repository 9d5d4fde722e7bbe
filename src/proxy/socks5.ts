/** The client's side of SOCKS5 (RFC 1928, RFC 1929), sans-I/O. */

import { parseIP } from "../base/ip.ts";
import type { ProxyServer } from "./proxy_url.ts";

const VERSION = 0x05;
const AUTH_VERSION = 0x01;
const CONNECT = 0x01;

const NO_AUTHENTICATION = 0x00;
const USER_AND_PASSWORD = 0x02;
const NONE_ACCEPTABLE = 0xff;

const IPV4 = 0x01;
const DOMAIN_NAME = 0x03;
const IPV6 = 0x04;

// RFC 1928, section 6.
const REPLIES: readonly string[] = [
  "succeeded",
  "general failure",
  "connection not allowed by its rules",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "time to live expired",
  "command not supported",
  "address type not supported",
];

/** The outcome of the proxy's bytes so far. */
export type SocksStep =
  /** Read more, once these bytes, if any, have been sent. */
  | { readonly state: "pending"; readonly send: Uint8Array<ArrayBuffer> }
  /** The tunnel is open; what came after the reply belongs to it. */
  | { readonly state: "open"; readonly rest: Uint8Array<ArrayBuffer> }
  /** The proxy refused, or broke the protocol. */
  | { readonly state: "failed"; readonly error: string };

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Asks a SOCKS5 proxy for a connection. Names are sent as they are, and the
 * proxy looks them up. At most one reply, 262 bytes, is buffered.
 */
export class SocksHandshake {
  readonly #proxy: ProxyServer;
  readonly #request: Uint8Array<ArrayBuffer>;
  #reads: "method" | "authentication" | "reply" = "method";
  readonly #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(262);
  #length = 0;

  /**
   * Begins a handshake.
   *
   * @param proxy The proxy
   * @param hostname The host to connect to, an IPv6 address without brackets
   * @param port The port to connect to
   * @throws {TypeError} If the host's name is longer than 255 bytes
   */
  constructor(proxy: ProxyServer, hostname: string, port: number) {
    this.#proxy = proxy;
    this.#request = encodeRequest(hostname, port);
  }

  /** What to send first: the methods offered (RFC 1928, section 3). */
  get greeting(): Uint8Array<ArrayBuffer> {
    return this.#hasUser
      ? new Uint8Array([VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD])
      : new Uint8Array([VERSION, 1, NO_AUTHENTICATION]);
  }

  get #hasUser(): boolean {
    return this.#proxy.username !== "";
  }

  /**
   * Takes bytes from the proxy.
   *
   * @param chunk The bytes
   * @returns The outcome; after `open` or `failed` the handshake is over
   */
  push(chunk: Uint8Array<ArrayBuffer>): SocksStep {
    let send = NOTHING;
    for (let i = 0; i < chunk.length; i++) {
      this.#buffer[this.#length++] = chunk[i]!;
      const step = this.#take();
      if (step === undefined) continue;
      this.#length = 0;
      if (step === "open") {
        return { state: "open", rest: chunk.subarray(i + 1) };
      }
      if (typeof step === "string") {
        return {
          state: "failed",
          error: step,
        };
      }
      send = join(send, step);
    }
    return { state: "pending", send };
  }

  /**
   * Checks the message so far: `undefined` if it is incomplete; "open"; what is
   * wrong; or what to send in answer.
   */
  #take(): Uint8Array<ArrayBuffer> | string | undefined {
    const [version, code = -1] = this.#buffer.subarray(0, this.#length);
    const expected = this.#reads === "authentication" ? AUTH_VERSION : VERSION;
    if (version !== expected) {
      return `it answered with version ${version}, not ${expected}`;
    }
    if (this.#length < 2) return undefined;
    if (this.#reads === "method") return this.#takeMethod(code);
    if (this.#reads === "authentication") {
      if (code !== 0) return "it refused the user name and password";
      this.#reads = "reply";
      return this.#request;
    }
    return this.#takeReply(code);
  }

  #takeMethod(method: number): Uint8Array<ArrayBuffer> | string {
    if (method === NO_AUTHENTICATION) {
      this.#reads = "reply";
      return this.#request;
    }
    if (method === USER_AND_PASSWORD && this.#hasUser) {
      this.#reads = "authentication";
      return encodeCredentials(this.#proxy);
    }
    if (method !== NONE_ACCEPTABLE) {
      return `it chose authentication method ${method}, which was not offered`;
    }
    return this.#hasUser
      ? "it takes no user name and password"
      : "it wants authentication: give a user name and password in its URL";
  }

  /** RFC 1928, section 6. The address in the reply is not used. */
  #takeReply(code: number): string | undefined {
    if (code !== 0) {
      return `it answered with reply ${code}, ${REPLIES[code] ?? "unassigned"}`;
    }
    const [, , , type = 0, first = 0] = this.#buffer;
    if (this.#length < 5) return undefined;
    const size = type === IPV4
      ? 4
      : type === IPV6
      ? 16
      : type === DOMAIN_NAME
      ? 1 + first
      : undefined;
    if (size === undefined) return `it answered with address type ${type}`;
    return this.#length < 4 + size + 2 ? undefined : "open";
  }
}

/** RFC 1929, section 2. */
function encodeCredentials(
  { username, password }: ProxyServer,
): Uint8Array<ArrayBuffer> {
  const user = new TextEncoder().encode(username);
  const secret = new TextEncoder().encode(password);
  return new Uint8Array([
    AUTH_VERSION,
    user.length,
    ...user,
    secret.length,
    ...secret,
  ]);
}

/** RFC 1928, section 4. */
function encodeRequest(
  hostname: string,
  port: number,
): Uint8Array<ArrayBuffer> {
  const ip = parseIP(hostname);
  const name = new TextEncoder().encode(hostname);
  if (ip === undefined && name.length > 255) {
    throw new TypeError(
      "Cannot dial through a SOCKS5 proxy: the host's name is longer than " +
        "255 bytes",
    );
  }
  const address = ip === undefined
    ? [DOMAIN_NAME, name.length, ...name]
    : [ip.length === 4 ? IPV4 : IPV6, ...ip];
  return new Uint8Array([
    VERSION,
    CONNECT,
    0,
    ...address,
    port >> 8,
    port & 0xff,
  ]);
}

function join(
  a: Uint8Array<ArrayBuffer>,
  b: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
