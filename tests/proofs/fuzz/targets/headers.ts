/** The grammar of the handshake's headers. */

import { acceptOffers } from "../../../../src/deflate/negotiation.ts";
import { compressionSettings } from "../../../../src/deflate/options.ts";
import { isValidKey } from "../../../../src/handshake/accept.ts";
import {
  formatExtensions,
  parseExtensions,
} from "../../../../src/handshake/extensions.ts";
import { headerList } from "../../../../src/handshake/headers.ts";
import { quote } from "../../../../src/handshake/quote.ts";
import {
  hasToken,
  isToken,
  parseTokenList,
} from "../../../../src/handshake/tokens.ts";
import type { Random } from "../random.ts";
import {
  hasReferenceToken,
  isReferenceToken,
  referenceExtensions,
  referenceParameters,
  referenceTokens,
} from "../reference/header_grammar.ts";
import type { Fault, Target } from "../target.ts";
import { changedText, inputOf, toText } from "./text.ts";

const VALUES: readonly string[] = [
  "keep-alive, Upgrade",
  "chat.v1,chat.v2 ,\tchat.v3",
  "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
  'permessage-deflate; server_max_window_bits="10", x; y="\\a\\"b"',
  "permessage-deflate; server_no_context_takeover, permessage-deflate",
  "dGhlIHNhbXBsZSBub25jZQ==",
];
const PARAMS: readonly string[] = [
  "server_max_window_bits",
  "client_max_window_bits",
  "server_no_context_takeover",
  "client_no_context_takeover",
];
const DICTIONARY: readonly string[] = [
  ",",
  ";",
  "=",
  '"',
  "\\",
  " ",
  "\t",
  "\xa0",
  "\0",
  "\xff",
  "a",
  "upgrade",
  ", ,",
  ";;",
  "==",
  '""',
  "; a=",
  "; client_max_window_bits=8",
  "; server_max_window_bits=16",
  "; server_no_context_takeover",
  "__proto__",
  "constructor",
  "A,",
  ";a",
  "\u212a",
];

/** The value of a header. */
export const headersTarget: Target = {
  name: "headers",
  about: "the grammar of tokens, extensions, deflate parameters and keys",
  settings: 0,
  generate(random) {
    const text = random.oneIn(2) ? offers(random) : random.pick(VALUES);
    return inputOf([], changedText(random, text, DICTIONARY));
  },
  check: (input) => {
    const text = toText(input);
    return checkTokens(text) ?? checkExtensions(text) ?? checkText(text);
  },
  describe: (input) => JSON.stringify(toText(input.subarray(0, 500))),
};

/** Offers of permessage-deflate, with parameters that are right or nearly so. */
function offers(random: Random): string {
  const list: string[] = [];
  for (let i = random.below(3); i >= 0; i--) {
    const params: string[] = ["permessage-deflate"];
    for (let j = random.below(4); j > 0; j--) {
      const bits = random.pick(["", `=${6 + random.below(12)}`, '="9"', "=08"]);
      params.push(random.pick(PARAMS) + (random.oneIn(3) ? "" : bits));
    }
    list.push(params.join("; "));
  }
  return list.join(", ");
}

function checkTokens(text: string): Fault {
  const list = parseTokenList(text);
  const expected = referenceTokens(text);
  if (JSON.stringify(list) !== JSON.stringify(expected)) {
    return `tokens: ${JSON.stringify(list)}`;
  }
  for (const token of ["upgrade", "websocket", "13", "chat.v2"]) {
    if (hasToken(text, token) !== hasReferenceToken(text, token)) {
      return `token: ${token} is ${hasToken(text, token)}`;
    }
  }
  return isToken(text) === isReferenceToken(text)
    ? undefined
    : `token: ${isToken(text)}`;
}

function checkExtensions(text: string): Fault {
  const extensions = parseExtensions(text);
  const expected = referenceExtensions(text);
  if (JSON.stringify(extensions) !== JSON.stringify(expected)) {
    return `extensions: ${JSON.stringify(extensions)} and not ${
      JSON.stringify(expected)
    }`;
  }
  if (extensions === undefined) return undefined;
  const again = parseExtensions(formatExtensions(extensions));
  if (JSON.stringify(again) !== JSON.stringify(extensions)) {
    return `format: ${formatExtensions(extensions)}`;
  }
  return checkOffers(extensions);
}

function checkOffers(
  offers: NonNullable<ReturnType<typeof parseExtensions>>,
): Fault {
  const settings = compressionSettings({ serverMaxWindowBits: 12 })!;
  const agreement = acceptOffers(offers, settings);
  const offer = offers.find((offer) =>
    offer.name === "permessage-deflate" &&
    referenceParameters(offer) !== undefined
  );
  if ((agreement === undefined) !== (offer === undefined)) {
    return `offers: ${agreement?.header ?? "declined"}`;
  }
  if (agreement === undefined) return undefined;
  // RFC 7692, section 7.1: what is answered keeps to the offer.
  const { bits } = referenceParameters(offer!)!;
  const [answer] = referenceExtensions(agreement.header)!;
  const params = referenceParameters(answer!)!;
  const ceiling = bits.get("server_max_window_bits") ?? 15;
  const server = Number(params.bits.get("server_max_window_bits") ?? 15);
  const client = params.bits.get("client_max_window_bits");
  const hint = bits.get("client_max_window_bits");
  const right = server <= Math.min(Number(ceiling), 12) &&
    agreement.server.windowBits === server &&
    (client === undefined || hint !== undefined && client !== true) &&
    params.flags.has("server_no_context_takeover");
  return right ? undefined : `answer: ${agreement.header}`;
}

function checkText(text: string): Fault {
  const right = /^[A-Za-z0-9+/]{22}==$/.test(text) &&
    btoa(atob(text)) === text;
  if (isValidKey(text) !== right) return `key: ${isValidKey(text)}`;
  if (!/^"[ -~]*"(\.\.\.)?$/.test(quote(text)) || quote(text).length > 500) {
    return `quote: ${quote(text)}`;
  }
  // The platform takes what we take, but for white space around a value.
  const name = text.slice(0, 8);
  let taken = true;
  try {
    headerList([[name, text]]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    taken = false;
  }
  const valid = isReferenceToken(name) &&
    /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
  return taken === valid ? undefined : `header: it is taken: ${taken}`;
}
