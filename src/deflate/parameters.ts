/** The parameters of permessage-deflate (RFC 7692, section 7.1). */

import type { Extension, ExtensionParam } from "../handshake/extensions.ts";

/** The extension's token (RFC 7692, section 7). */
export const EXTENSION_NAME = "permessage-deflate";

/** The parameters of an offer or an answer. */
export interface DeflateParameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** The base-2 logarithm, 8 to 15, if the parameter is there. */
  readonly serverMaxWindowBits: number | undefined;
  /** The same; `true` if it has no value, as only an offer may. */
  readonly clientMaxWindowBits: number | true | undefined;
}

/**
 * Reads the parameters.
 *
 * @param params The parameters as they came
 * @returns The parameters, or a text that says which one is unknown, duplicate
 * or has an invalid value
 */
export function readParameters(
  params: readonly ExtensionParam[],
): DeflateParameters | string {
  let serverNoContextTakeover = false;
  let clientNoContextTakeover = false;
  let serverMaxWindowBits: number | undefined;
  let clientMaxWindowBits: number | true | undefined;
  for (const [name, value] of params) {
    let fault: string | undefined;
    switch (name) {
      case "server_no_context_takeover":
        fault = faultOfFlag(serverNoContextTakeover, value);
        serverNoContextTakeover = true;
        break;
      case "client_no_context_takeover":
        fault = faultOfFlag(clientNoContextTakeover, value);
        clientNoContextTakeover = true;
        break;
      case "server_max_window_bits": {
        const bits = readWindowBits(value);
        if (serverMaxWindowBits !== undefined) fault = TWICE;
        else if (bits === undefined) fault = BAD_VALUE;
        serverMaxWindowBits = bits;
        break;
      }
      case "client_max_window_bits": {
        const bits = value === undefined ? true : readWindowBits(value);
        if (clientMaxWindowBits !== undefined) fault = TWICE;
        else if (bits === undefined) fault = BAD_VALUE;
        clientMaxWindowBits = bits;
        break;
      }
      default:
        // The name is a token, so it is printable ASCII, but may be very long.
        return `parameter "${name.slice(0, 64)}" is unknown`;
    }
    if (fault !== undefined) return `parameter ${name} ${fault}`;
  }
  return {
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
  };
}

/**
 * Makes the extension of the parameters, in the RFC's order.
 *
 * @param parameters The parameters
 * @returns The extension, for `formatExtensions`
 */
export function toExtension(parameters: DeflateParameters): Extension {
  const params: ExtensionParam[] = [];
  if (parameters.serverNoContextTakeover) {
    params.push(["server_no_context_takeover", undefined]);
  }
  if (parameters.clientNoContextTakeover) {
    params.push(["client_no_context_takeover", undefined]);
  }
  const { serverMaxWindowBits, clientMaxWindowBits } = parameters;
  if (serverMaxWindowBits !== undefined) {
    params.push(["server_max_window_bits", String(serverMaxWindowBits)]);
  }
  if (clientMaxWindowBits !== undefined) {
    params.push([
      "client_max_window_bits",
      clientMaxWindowBits === true ? undefined : String(clientMaxWindowBits),
    ]);
  }
  return { name: EXTENSION_NAME, params };
}

const TWICE = "is given twice";
const BAD_VALUE = "has a value that is not 8 to 15";

function faultOfFlag(
  seen: boolean,
  value: string | undefined,
): string | undefined {
  if (seen) return TWICE;
  return value === undefined ? undefined : "has a value";
}

// RFC 7692, section 7.1.2.1: a decimal integer without leading zeroes.
function readWindowBits(value: string | undefined): number | undefined {
  return value !== undefined && /^(?:[89]|1[0-5])$/.test(value)
    ? Number(value)
    : undefined;
}
