/** The negotiation of permessage-deflate (RFC 7692, sections 5 and 7.1). */

import { type Extension, formatExtensions } from "../handshake/extensions.ts";
import type { CompressionSettings } from "./options.ts";
import {
  type DeflateParameters,
  EXTENSION_NAME,
  readParameters,
  toExtension,
} from "./parameters.ts";

/** What one side of a connection compresses with. */
export interface Compression {
  /** The base-2 logarithm of the window, 8 to 15. */
  readonly windowBits: number;
  /** Whether a message may refer to the ones before. */
  readonly contextTakeover: boolean;
}

/** What client and server have agreed on. */
export interface Agreement {
  /** The value of the answer's Sec-WebSocket-Extensions. */
  readonly header: string;
  /** What the server's messages are compressed with. */
  readonly server: Compression;
  /** What the client's messages are compressed with. */
  readonly client: Compression;
}

/**
 * Chooses the first of the client's offers that can be met. Those with an
 * unknown, invalid or duplicate parameter are declined, and so are other
 * extensions.
 *
 * @param offers The client's offers, in its order
 * @param settings The server's settings
 * @returns What is agreed on, or `undefined` if all are declined
 */
export function acceptOffers(
  offers: readonly Extension[],
  settings: CompressionSettings,
): Agreement | undefined {
  for (const { name, params } of offers) {
    if (name !== EXTENSION_NAME) continue;
    const offer = readParameters(params);
    if (typeof offer === "string") continue;
    const answer = answerTo(offer, settings);
    if (answer !== undefined) return agreementOn(answer);
  }
  return undefined;
}

function answerTo(
  offer: DeflateParameters,
  settings: CompressionSettings,
): DeflateParameters | undefined {
  const { serverMaxWindowBits, clientMaxWindowBits } = settings;
  const serverBits = Math.min(
    serverMaxWindowBits,
    offer.serverMaxWindowBits ?? 15,
  );
  let clientBits: number | undefined;
  if (offer.clientMaxWindowBits === undefined) {
    // Section 7.1.2.2: the parameter is only allowed if the client offered it.
    if (clientMaxWindowBits < 15) return undefined;
  } else {
    const offered = offer.clientMaxWindowBits;
    const bits = Math.min(clientMaxWindowBits, offered === true ? 15 : offered);
    if (bits < 15) clientBits = bits;
  }
  return {
    serverNoContextTakeover: settings.serverNoContextTakeover ||
      offer.serverNoContextTakeover,
    clientNoContextTakeover: settings.clientNoContextTakeover ||
      offer.clientNoContextTakeover,
    // Section 7.1.2.1: what was offered must be answered.
    serverMaxWindowBits:
      offer.serverMaxWindowBits === undefined && serverBits === 15
        ? undefined
        : serverBits,
    clientMaxWindowBits: clientBits,
  };
}

/**
 * Writes the client's offer.
 *
 * @param settings The client's settings
 * @returns The value of the request's Sec-WebSocket-Extensions
 */
export function formatOffer(settings: CompressionSettings): string {
  const { serverMaxWindowBits, clientMaxWindowBits } = settings;
  return formatExtensions([toExtension({
    serverNoContextTakeover: settings.serverNoContextTakeover,
    clientNoContextTakeover: settings.clientNoContextTakeover,
    serverMaxWindowBits: serverMaxWindowBits < 15
      ? serverMaxWindowBits
      : undefined,
    clientMaxWindowBits: clientMaxWindowBits < 15 ? clientMaxWindowBits : true,
  })]);
}

/**
 * Checks the server's answer to the offer of {@linkcode formatOffer}.
 *
 * @param accepted The extensions of the answer, at least one
 * @param settings The client's settings
 * @returns What was agreed on, or a text that says what is wrong
 */
export function verifyAnswer(
  accepted: readonly Extension[],
  settings: CompressionSettings,
): Agreement | string {
  for (const { name } of accepted) {
    if (name !== EXTENSION_NAME) {
      return `the server chose extension "${name.slice(0, 64)}", which was ` +
        "not offered";
    }
  }
  if (accepted.length !== 1) {
    return `the server chose ${EXTENSION_NAME} ${accepted.length} times`;
  }
  const answer = readParameters(accepted[0]!.params);
  if (typeof answer === "string") {
    return `the server's ${EXTENSION_NAME} is invalid: ${answer}`;
  }
  const fault = faultOfAnswer(answer, settings);
  return fault === undefined
    ? agreementOn(answer, settings)
    : `the server's ${EXTENSION_NAME} does not answer the offer: ${fault}`;
}

function faultOfAnswer(
  answer: DeflateParameters,
  settings: CompressionSettings,
): string | undefined {
  // Section 7.1.1.1: a server must agree to this, or decline the offer.
  if (settings.serverNoContextTakeover && !answer.serverNoContextTakeover) {
    return "server_no_context_takeover is missing";
  }
  // Section 7.1.2.1: the same holds here.
  if ((answer.serverMaxWindowBits ?? 15) > settings.serverMaxWindowBits) {
    return `server_max_window_bits must be at most ` +
      settings.serverMaxWindowBits;
  }
  const clientBits = answer.clientMaxWindowBits;
  if (clientBits === true) return "client_max_window_bits has no value";
  // Section 7.1.2.2: the same value as offered, or a smaller one.
  if (clientBits !== undefined && clientBits > settings.clientMaxWindowBits) {
    return `client_max_window_bits must be at most ` +
      settings.clientMaxWindowBits;
  }
  return undefined;
}

// Settings, if given, are the client's: it may use less than it is allowed to,
// such as a smaller window than the answer's.
function agreementOn(
  answer: DeflateParameters,
  settings?: CompressionSettings,
): Agreement {
  const { serverMaxWindowBits = 15, clientMaxWindowBits = 15 } = answer;
  return {
    header: formatExtensions([toExtension(answer)]),
    server: {
      windowBits: serverMaxWindowBits,
      contextTakeover: !answer.serverNoContextTakeover,
    },
    client: {
      windowBits: Math.min(
        clientMaxWindowBits === true ? 15 : clientMaxWindowBits,
        settings?.clientMaxWindowBits ?? 15,
      ),
      contextTakeover: !(answer.clientNoContextTakeover ||
        settings?.clientNoContextTakeover === true),
    },
  };
}
