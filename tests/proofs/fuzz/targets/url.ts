/** URLs that are dialed, and the requests that come of them. */

import { buildClientRequest } from "../../../../src/handshake/client_request.ts";
import { parseDialURL } from "../../../../src/handshake/client_url.ts";
import { checkSubprotocols } from "../../../../src/handshake/subprotocol.ts";
import { isReferenceToken } from "../reference/header_grammar.ts";
import type { Fault, Target } from "../target.ts";
import { changedText, inputOf, toText } from "./text.ts";

const URLS: readonly string[] = [
  "ws://example.com:8080/chat?a=b",
  "wss://[2001:db8::1]/",
  "ws+unix:/run/app.sock:/ws?x",
  "wss+unix:///run/a%3Ab.sock",
  "ws://user:pass@example.com/",
  "ws://example.com/#",
  "http://example.com",
];
const DICTIONARY: readonly string[] = [
  ":",
  "/",
  "//",
  "@",
  "#",
  "?",
  "%",
  "%0d%0a",
  "%00",
  "\r\n",
  "\n",
  "\t",
  " ",
  "\0",
  "\x7f",
  "\xe9",
  "[",
  "]",
  "\\",
  "..",
  "ws:",
  "+unix",
  "65536",
  "0x7f",
  "\nHost: other.example",
  "\nX-A: b\r\nC: d",
  "\nCookie: a=b",
  "\nUpgrade: x",
  "\nSec-WebSocket-Protocol: chat, chat",
];
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A URL, and in further lines headers of the application. */
export const urlTarget: Target = {
  name: "url",
  about: "URLs and headers that are dialed with, and the request of it",
  settings: 0,
  generate: (random) =>
    inputOf([], changedText(random, random.pick(URLS), DICTIONARY)),
  check(input) {
    const [url = "", ...lines] = toText(input).split("\n");
    return check(url, lines);
  },
  describe: (input) => JSON.stringify(toText(input.subarray(0, 500))),
};

function check(url: string, lines: readonly string[]): Fault {
  let head: string;
  let host: string;
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1).trim()];
  });
  try {
    const target = parseDialURL(url);
    host = target.host;
    // RFC 6455, section 3: not even an empty one.
    if (url.includes("#")) return "target: it has a fragment";
    if (!(target.port >= 0 && target.port < 65_536)) {
      return `target: port ${target.port}`;
    }
    if (target.hostname === "" || target.socketPath?.includes("\0")) {
      return `target: ${JSON.stringify(target)}`;
    }
    const { bytes } = buildClientRequest(target, { key: KEY, headers });
    head = toText(bytes);
  } catch (error) {
    // Documented as such, and no other.
    if (!(error instanceof TypeError)) throw error;
    if (/^Cannot (dial|send|offer|use)\b/.test(error.message)) return undefined;
    throw error;
  }
  return checkHead(head, host, headers) ?? checkNames(url);
}

/** Nothing but what was meant may be a line of it. */
function checkHead(
  head: string,
  host: string,
  headers: readonly [string, string][],
): Fault {
  const lines = head.split("\r\n");
  const others = headers.filter(([name]) => name.toLowerCase() !== "host");
  const wrong = /[^\r]\n|\r[^\n]|\0/.test(head) ||
    lines.length !== 1 + 5 + others.length + 2 ||
    !/^GET \/[!-~]* HTTP\/1\.1$/.test(lines[0]!) ||
    !/^Host: [!-~]+$/.test(lines[1]!) ||
    others.length === headers.length && lines[1] !== `Host: ${host}`;
  return wrong ? `request: ${JSON.stringify(head)}` : undefined;
}

function checkNames(text: string): Fault {
  const names = text.split("/");
  const valid = names.every(isReferenceToken) &&
    new Set(names).size === names.length;
  try {
    checkSubprotocols(names);
    return valid ? undefined : "subprotocols: they are taken";
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return valid ? `subprotocols: ${error.message}` : undefined;
  }
}
