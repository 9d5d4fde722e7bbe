/** What a server checks of an upgrade request. */

import { acceptOffers } from "../../../../src/deflate/negotiation.ts";
import { compressionSettings } from "../../../../src/deflate/options.ts";
import { encodeHead } from "../../../../src/handshake/head.ts";
import { acceptUpgrade } from "../../../../src/handshake/server.ts";
import { checkSameOrigin } from "../../../../src/handshake/origin.ts";
import { toRequest } from "../../../../src/runtime/http/node_request.ts";
import type { Random } from "../random.ts";
import {
  hasReferenceToken,
  referenceExtensions,
  referenceParameters,
  referenceTokens,
} from "../reference/header_grammar.ts";
import type { Fault, Target } from "../target.ts";
import { changedText, inputOf, someOf, toText } from "./text.ts";

const SUBPROTOCOLS: readonly string[] = ["chat.v1", "chat.v2"];

/** The settings of an input: the method. */
const SETTINGS = 1;
const METHODS: readonly string[] = ["GET", "POST", "HEAD", "TRACE", "get", " "];

const HEADERS: readonly string[] = [
  "Host: example.com",
  "Connection: keep-alive, Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Origin: http://example.com",
  "Sec-WebSocket-Protocol: chat.v2, chat.v1",
  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10",
  "Content-Length: 0",
];

/** What a right request must not have, or must not have twice. */
const MORE: readonly string[] = [
  ...HEADERS,
  "Transfer-Encoding: chunked",
  "Content-Length: 10",
  "Origin: http://other.example",
  "Origin: null",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAB==",
  "Sec-WebSocket-Extensions: a;",
  "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7",
];

const DICTIONARY: readonly string[] = [
  ...HEADERS.map((header) => `\n${header}`),
  "\n",
  " ",
  "\t",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "\xff",
  "\nTransfer-Encoding: chunked",
  "\nContent-Length: 7",
  "\nOrigin: https://EXAMPLE.com:443/path",
  "\nSec-WebSocket-Extensions: __proto__; constructor=toString",
  "permessage-deflate",
  "http://other.example/x",
  "client_no_context_takeover",
  "8",
];

/** An upgrade request: its target in the first line, then its headers. */
export const requestTarget: Target = {
  name: "request",
  about: "the server's checks of an upgrade request",
  settings: SETTINGS,
  generate(random) {
    const method = random.oneIn(4) ? random.below(METHODS.length) : 0;
    const bytes = changedText(random, request(random), DICTIONARY);
    return inputOf([method], bytes);
  },
  check,
  describe: (input) =>
    `${METHODS[input[0]! % METHODS.length]} ${
      JSON.stringify(toText(input.subarray(SETTINGS, SETTINGS + 500)))
    }`,
};

function request(random: Random): string {
  const target = random.oneIn(4)
    ? random.pick(["*", "/a?b#c", "http://evil.example/p", "//x/y", "", "/%00"])
    : "/chat";
  const headers = random.oneIn(4)
    ? someOf(random, HEADERS, "\n")
    : HEADERS.slice(0, 5 + random.below(6)).join("\n");
  const more = random.oneIn(3) ? `\n${random.pick(MORE)}` : "";
  return `${target}\n${headers}${more}`;
}

async function check(input: Uint8Array<ArrayBuffer>): Promise<Fault> {
  const [target = "", ...lines] = toText(input.subarray(SETTINGS)).split("\n");
  const method = METHODS[input[0]! % METHODS.length]!;
  const rawHeaders = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return colon < 0
      ? [line, ""]
      : [line.slice(0, colon), line.slice(colon + 1)];
  });
  const message = {
    method,
    url: target,
    rawHeaders,
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    socket: {},
  } as unknown as Parameters<typeof toRequest>[0];
  const request = toRequest(message);
  // Answered with 400; which of them may be is for the platform to say.
  if (request === undefined) return undefined;
  const hosts = rawHeaders.filter((_, i) =>
    i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === "host"
  );
  const { host } = new URL(request.url);
  if (host !== new URL(`http://${hosts[0]!.trim()}/`).host) {
    return `host: it is ${host}`;
  }
  return await checkAnswer(request);
}

async function checkAnswer(request: Request): Promise<Fault> {
  const settings = compressionSettings(true)!;
  const answer = await acceptUpgrade(request, {
    subprotocols: SUBPROTOCOLS,
    negotiate: (offers) => acceptOffers(offers, settings),
  });
  const expected = expectedStatus(request);
  if (!answer.accepted) {
    const { status, message, response } = answer.error;
    if (status !== expected || response.status !== expected) {
      return `status: ${status} and not ${expected}`;
    }
    return /^Cannot upgrade request: [ -~]*[^.]$/.test(message)
      ? undefined
      : `error: ${JSON.stringify(message)} is no sentence`;
  }
  if (expected !== 101) return `status: 101 and not ${expected}`;
  const { get } = request.headers;
  const offered = referenceTokens(
    get.call(request.headers, "sec-websocket-protocol"),
  ).tokens;
  const chosen = offered.find((name) => SUBPROTOCOLS.includes(name)) ?? "";
  if (answer.subprotocol !== chosen) {
    return `subprotocol: ${answer.subprotocol} and not ${chosen}`;
  }
  const offers = referenceExtensions(
    get.call(request.headers, "sec-websocket-extensions"),
  ) ?? [];
  const accepted = offers.some((offer) =>
    offer.name === "permessage-deflate" &&
    referenceParameters(offer) !== undefined
  );
  if (accepted !== (answer.extension !== undefined)) {
    return `extension: ${accepted ? "declined" : "accepted"}`;
  }
  // Nothing of the request may make a line of its own.
  const head = toText(encodeHead("HTTP/1.1 101 X", answer.headers));
  const count = head.split("\r\n").length - 3;
  return count === answer.headers.length && !/[^\r]\n|\r[^\n]|\0/.test(head)
    ? undefined
    : `head: ${JSON.stringify(head)}`;
}

/** gorilla's checks, in its order. */
function expectedStatus(request: Request): number {
  const get = (name: string) => request.headers.get(name);
  if (!hasReferenceToken(get("connection"), "upgrade")) return 400;
  if (!hasReferenceToken(get("upgrade"), "websocket")) return 426;
  if (request.method !== "GET") return 405;
  if (!hasReferenceToken(get("sec-websocket-version"), "13")) return 400;
  if (get("transfer-encoding") !== null) return 400;
  if (!/^0+$/.test(get("content-length") ?? "0")) return 400;
  // What it allows is held against the platform's URL.
  const allowed = checkSameOrigin(request);
  if (allowed && !isSameHost(get("origin"), get("host"))) return 0;
  if (!allowed) return 403;
  const key = get("sec-websocket-key") ?? "";
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) return 400;
  if (referenceExtensions(get("sec-websocket-extensions")) === undefined) {
    return 400;
  }
  return 101;
}

/** Whether a browser at the origin means the host. */
function isSameHost(origin: string | null, host: string | null): boolean {
  if (origin === null) return true;
  if (host === null) return false;
  if (!URL.canParse(origin)) return true;
  const { protocol } = new URL(origin);
  const other = `${protocol}//${host}/`;
  return URL.canParse(other) && new URL(origin).host === new URL(other).host;
}
