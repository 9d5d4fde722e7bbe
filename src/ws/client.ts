/** How a client of `ws` connects. */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";

import { isInstance } from "../base/user_values.ts";
import {
  type Dialer,
  dialOffering,
  type DialResult,
} from "../client/dialer.ts";
import { BadHandshakeError, type HandshakeResponse } from "../peer_errors.ts";
import { isToken } from "../handshake/tokens.ts";
import {
  bare,
  type ClientOptions,
  dialerOf,
  headersOf,
} from "./client_options.ts";
import { readClientOptions } from "./options.ts";

/** What is dialed, and how; checked. */
export interface ClientPlan {
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly options: ClientOptions;
  readonly dialer: Dialer;
  readonly headers: [string, string][];
}

/** The head of a request that follows a redirect, as a `redirect` event has it. */
export interface RedirectRequest {
  /**
   * The value of a header.
   *
   * @param name Its name, in any case
   * @returns Its first value, if it is there
   */
  getHeader(name: string): string | undefined;
  /**
   * Sets a header, in the place of all of its name.
   *
   * @param name Its name
   * @param value Its value
   */
  setHeader(name: string, value: string): void;
  /**
   * Takes a header off.
   *
   * @param name Its name, in any case
   */
  removeHeader(name: string): void;
}

/** The head of an answer, as node's messages have it; its body has at most 1024 bytes. */
export interface ClientResponse extends Readable {
  /** The status. */
  readonly statusCode: number;
  /** The headers, by their names in lower case. */
  readonly headers: Record<string, string | string[]>;
}

/**
 * Checks what the constructor was given.
 *
 * @param address The URL
 * @param protocols Subprotocols, or the options
 * @param given The options
 * @returns The plan
 * @throws {SyntaxError} If the URL or a subprotocol is malformed
 * @throws {UnsupportedError} If an option cannot be met
 * @throws {TypeError} If an option is malformed or unknown
 */
export function planClient(
  address: string | URL,
  protocols: string | readonly string[] | ClientOptions | null | undefined,
  given: ClientOptions | null | undefined,
): ClientPlan {
  let passed = given;
  let names: string | readonly string[] | undefined;
  if (typeof protocols === "string" || Array.isArray(protocols)) {
    names = protocols;
  } else if (protocols !== undefined && protocols !== null) {
    passed = protocols as ClientOptions;
  }
  const options = readClientOptions(passed);
  names ??= options.protocols ?? [];
  const list = typeof names === "string" ? [names] : [...names];
  const url = parseAddress(address);
  checkProtocols(list);
  return {
    url,
    protocols: list,
    options,
    dialer: dialerOf(url, options),
    headers: headersOf(url, options, list),
  };
}

function parseAddress(address: string | URL): URL {
  const text = String(address);
  if (!URL.canParse(text)) throw new SyntaxError(`Invalid URL: ${text}`);
  const url = new URL(text);
  if (url.protocol === "http:") url.protocol = "ws:";
  else if (url.protocol === "https:") url.protocol = "wss:";
  if (!["ws:", "wss:", "ws+unix:"].includes(url.protocol)) {
    throw new SyntaxError(
      `Cannot connect to a URL of scheme "${
        url.protocol.slice(0, -1)
      }": use ws, wss, http, https or ws+unix`,
    );
  }
  if (url.hash !== "") {
    throw new SyntaxError(
      "Cannot connect to a URL with a fragment: leave it out",
    );
  }
  // An empty one is nothing.
  url.hash = "";
  return url;
}

function checkProtocols(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (typeof name !== "string" || !isToken(name) || seen.has(name)) {
      throw new SyntaxError(
        "An invalid or duplicated subprotocol was specified",
      );
    }
    seen.add(name);
  }
}

/**
 * Dials, and follows redirects where that is asked for.
 *
 * @param plan What is dialed
 * @param signal Gives up
 * @param redirected Is told of each redirect, with a request whose headers it may
 * change; whether somebody has listened
 * @returns The connection and its answer
 */
export async function dialClient(
  plan: ClientPlan,
  signal: AbortSignal,
  redirected: (url: URL, request: RedirectRequest) => boolean,
): Promise<DialResult> {
  const { protocols, options, dialer } = plan;
  const { followRedirects = false, maxRedirects = 10 } = options;
  let { url, headers } = plan;
  for (let redirects = 0;; redirects++) {
    try {
      return await dialOffering(dialer, bare(url), protocols, {
        headers,
        signal,
      });
    } catch (error) {
      const location = followRedirects ? locationOf(error) : undefined;
      if (location === undefined) throw error;
      if (redirects >= maxRedirects) {
        throw new Error("Maximum redirects exceeded", { cause: error });
      }
      if (!URL.canParse(location, url)) {
        throw new SyntaxError(`Invalid URL: ${location}`, { cause: error });
      }
      url = parseAddress(new URL(location, url));
      const kept = new HeaderList(headers);
      if (!redirected(url, kept)) leaveSecrets(kept, plan.url, url);
      headers = kept.list;
    }
  }
}

function locationOf(error: unknown): string | undefined {
  if (!isInstance(error, BadHandshakeError)) return undefined;
  const { status, headers } = error.response;
  return status >= 300 && status < 400
    ? headers.get("location") ?? undefined
    : undefined;
}

// What is for one host, or for TLS, is not for another.
function leaveSecrets(headers: HeaderList, first: URL, url: URL): void {
  const sameHost = first.host === url.host &&
    (url.protocol === "ws+unix:") === (first.protocol === "ws+unix:");
  if (sameHost && (first.protocol !== "wss:" || url.protocol === "wss:")) {
    return;
  }
  headers.removeHeader("authorization");
  headers.removeHeader("cookie");
  if (!sameHost) headers.removeHeader("host");
}

class HeaderList implements RedirectRequest {
  list: [string, string][];

  constructor(list: readonly [string, string][]) {
    this.list = [...list];
  }

  getHeader(name: string): string | undefined {
    return this.list.find(([known]) => isSame(known, name))?.[1];
  }

  setHeader(name: string, value: string): void {
    this.removeHeader(name);
    this.list.push([name, value]);
  }

  removeHeader(name: string): void {
    this.list = this.list.filter(([known]) => !isSame(known, name));
  }
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** A server's answer, as node's messages have it. */
export function responseOf(answer: HandshakeResponse): ClientResponse {
  const { status, headers, body } = answer;
  const record: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of headers) record[name] = value;
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) record["set-cookie"] = cookies;
  return Object.assign(Readable.from([Buffer.from(body)]), {
    statusCode: status,
    headers: record,
  });
}
