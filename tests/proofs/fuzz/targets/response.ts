/** What a client reads of a server's, or a proxy's, answer. */

import { compressionSettings } from "../../../../src/deflate/options.ts";
import { verifyAnswer } from "../../../../src/deflate/negotiation.ts";
import { verifyClientResponse } from "../../../../src/handshake/client_response.ts";
import { ResponseBodyReader } from "../../../../src/handshake/response_body.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
} from "../../../../src/handshake/response_head.ts";
import { toResponse } from "../../../../src/client/read_response.ts";
import { join } from "../../../unit/protocol/recorder.ts";
import { chooseChunking, Chunking } from "../chunks.ts";
import type { Random } from "../random.ts";
import { referenceHead } from "../reference/head.ts";
import {
  hasReferenceToken,
  referenceExtensions,
  referenceParameters,
} from "../reference/header_grammar.ts";
import type { Fault, Target } from "../target.ts";
import { changedText, inputOf, someOf, toText } from "./text.ts";

// RFC 6455, section 1.3.
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const OFFERED: readonly string[] = ["chat", "superchat"];
const MAX_BODY = 1024;

/** The settings of an input: flags, chunking. */
const SETTINGS = 2;

const HEADERS: readonly string[] = [
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Accept: ${ACCEPT}`,
  "Sec-WebSocket-Protocol: chat",
  "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
  "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; " +
  "client_max_window_bits=12",
  "Set-Cookie: a=b; Path=/",
  "Content-Length: 5",
  "Transfer-Encoding: chunked",
  "X:",
];

const DICTIONARY: readonly string[] = [
  ...HEADERS,
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "\x80",
  "__proto__",
  "websocket",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.0 200 OK\r\n",
  "A: b\r\n",
  "5\r\nhello\r\n0\r\n\r\n",
  "ffffffff\r\n",
];

/** A response's head, the checks of a client, and the body of a refusal. */
export const responseTarget: Target = {
  name: "response",
  about: "the client's reading of an answer: head, checks and body",
  settings: SETTINGS,
  generate(random) {
    const bytes = changedText(random, response(random), DICTIONARY);
    return inputOf([random.below(4), chooseChunking(random)], bytes);
  },
  check,
  describe: (input) =>
    `flags ${input[0]}, ${new Chunking(input[1]!)}: ${
      JSON.stringify(toText(input.subarray(SETTINGS, SETTINGS + 500)))
    }`,
};

function response(random: Random): string {
  const status = random.oneIn(3)
    ? `${100 + random.below(500)} Some Reason`
    : "101 Switching Protocols";
  const lines = random.oneIn(4)
    ? someOf(random, HEADERS, "\r\n").split("\r\n")
    : HEADERS.slice(0, 3 + random.below(3));
  if (random.oneIn(2)) lines.push(random.pick(HEADERS));
  const version = random.oneIn(8) ? "HTTP/1.0" : "HTTP/1.1";
  const headers = lines.filter((line) => line !== "")
    .map((line) => `${line}\r\n`);
  return `${version} ${status}\r\n${headers.join("")}\r\n${
    random.pick(["", "\x81\x00", "hello", "5\r\nhello\r\n0\r\n\r\n"])
  }`;
}

async function check(input: Uint8Array<ArrayBuffer>): Promise<Fault> {
  const [flags = 0, chunks = 0] = input;
  const bytes = input.subarray(SETTINGS);
  const expected = referenceHead(toText(bytes));

  const parser = new ResponseHeadParser();
  const rest: Uint8Array[] = [];
  let result: ReturnType<ResponseHeadParser["push"]>;
  for (const chunk of new Chunking(chunks).cut(bytes, (flags & 2) !== 0)) {
    if (result !== undefined) {
      rest.push(chunk);
      continue;
    }
    result = parser.push(chunk);
    if (result?.ok) rest.push(result.rest);
  }
  if (result === undefined || !result.ok) {
    const outcome = result === undefined ? "more" : "error";
    if (outcome === expected) {
      if (result === undefined || /^Cannot .*[^.]$/.test(result.error)) return;
      return `error: ${JSON.stringify(result.error)} is no sentence`;
    }
    return `head: ${outcome} and not ${
      typeof expected === "string" ? expected : "ok"
    }`;
  }
  if (typeof expected === "string") return `head: ok and not ${expected}`;
  const { end, ...head } = expected;
  if (JSON.stringify(result.head) !== JSON.stringify(head)) {
    return `head: ${JSON.stringify(result.head)} and not ${
      JSON.stringify(head)
    }`;
  }
  const behind = join(rest);
  if (toText(behind) !== toText(bytes.subarray(end))) {
    return `rest: ${behind.length} bytes and not ${bytes.length - end}`;
  }
  return checkBody(result.head, rest) ??
    await checkAnswer(result.head, (flags & 1) !== 0);
}

/** The body's reader takes anything, and keeps no more than it is told. */
function checkBody(head: ResponseHead, rest: readonly Uint8Array[]): Fault {
  const response = toResponse(head);
  if (response.status !== head.status) return `status: ${response.status}`;
  const reader = new ResponseBodyReader(head, MAX_BODY);
  for (const chunk of rest) if (!reader.done) reader.push(chunk);
  const whole = new ResponseBodyReader(head, MAX_BODY);
  whole.push(join(rest));
  const { bytes } = reader;
  if (bytes.length > MAX_BODY) return `memory: a body of ${bytes.length} bytes`;
  return toText(bytes) === toText(whole.bytes)
    ? undefined
    : "body: it depends on the chunks";
}

async function checkAnswer(
  head: ResponseHead,
  compression: boolean,
): Promise<Fault> {
  const settings = compressionSettings(true)!;
  const result = await verifyClientResponse(head, {
    key: KEY,
    subprotocols: OFFERED,
    verifyExtensions: compression
      ? (accepted) => verifyAnswer(accepted, settings)
      : undefined,
  });
  const right = isRight(head, compression);
  if (result.ok !== right) {
    return `answer: ${result.ok ? "taken" : result.error} and not ${
      right ? "taken" : "refused"
    }`;
  }
  if (!result.ok) {
    return /^Cannot complete the handshake: [ -~]*[^.]$/.test(result.error)
      ? undefined
      : `error: ${JSON.stringify(result.error)} is no sentence`;
  }
  const { subprotocol } = result;
  return subprotocol === "" || OFFERED.includes(subprotocol)
    ? undefined
    : `answer: subprotocol ${subprotocol}`;
}

/** RFC 6455, section 4.1, and RFC 7692, section 7.1. */
function isRight(head: ResponseHead, compression: boolean): boolean {
  const values = (name: string) =>
    head.headers.filter(([other]) => other.toLowerCase() === name)
      .map(([, value]) => value);
  const [accept, ...others] = values("sec-websocket-accept");
  const protocols = values("sec-websocket-protocol");
  if (
    head.status !== 101 || head.minorVersion < 1 ||
    !hasReferenceToken(values("upgrade").join(), "websocket") ||
    !hasReferenceToken(values("connection").join(), "upgrade") ||
    accept !== ACCEPT || others.length > 0 || protocols.length > 1 ||
    !protocols.every((name) => OFFERED.includes(name))
  ) return false;
  const extensions = referenceExtensions(
    values("sec-websocket-extensions").join(),
  );
  const [extension, more] = extensions ?? [];
  if (extensions === undefined || more !== undefined) return false;
  if (extension === undefined) return true;
  if (!compression || extension.name !== "permessage-deflate") return false;
  const params = referenceParameters(extension);
  // Offered: no context takeover of the server, and any window.
  return params !== undefined &&
    params.flags.has("server_no_context_takeover") &&
    params.bits.get("client_max_window_bits") !== true;
}
