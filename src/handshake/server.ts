/** The server's side of the handshake (RFC 6455, section 4.2). */

import { isInstance } from "../base/user_values.ts";
import type { HandshakeError } from "../peer_errors.ts";
import { acceptKey, isValidKey } from "./accept.ts";
import { type Authorized, readAuthorized } from "./authorized.ts";
import { type Extension, parseExtensions } from "./extensions.ts";
import { type HeadersLike, isProtocol, responseHeaders } from "./headers.ts";
import { checkSameOrigin, originFault } from "./origin.ts";
import {
  type ErrorCallback,
  handshakeError,
  isAnswer,
  type Refusal,
} from "./refusal.ts";
import { selectSubprotocol, type SubprotocolOption } from "./subprotocol.ts";
import { checkExtendedConnect } from "./extended_connect.ts";
import { checkUpgradeRequest } from "./upgrade_request.ts";

/** What an extension's negotiation agrees on. */
export interface NegotiatedExtension {
  /** The value of the answer's Sec-WebSocket-Extensions. */
  readonly header: string;
}

/** The Upgrader's part in a handshake. */
export interface AcceptOptions<E extends NegotiatedExtension> {
  /** Refuses a well-formed request before any callback is asked. */
  readonly admit?: ((request: Request) => Refusal | undefined) | undefined;
  /** The server's subprotocols. */
  readonly subprotocols?: SubprotocolOption | undefined;
  /** Whether the request's origin is allowed. Default: `checkSameOrigin`. */
  readonly checkOrigin?:
    | ((request: Request) => boolean | Promise<boolean>)
    | undefined;
  /** Refuses with a Response, or adds headers and data to the connection. */
  readonly authorize?: AuthorizeCallback | undefined;
  /** Makes the answer to a refused request. */
  readonly error?: ErrorCallback | undefined;
  /** Called with what user code throws, or otherwise does wrong. */
  readonly report?: ((error: unknown) => void) | undefined;
  /** Headers of the 101. */
  readonly headers?: HeadersLike | undefined;
  /** Whether it is an extended CONNECT of HTTP/2: there is no key then. */
  readonly extendedConnect?: boolean | undefined;
  /** Chooses among the client's extensions; `undefined` declines them. */
  readonly negotiate?:
    | ((offers: readonly Extension[]) => E | undefined)
    | undefined;
}

/** The user's last word before the 101. */
export type AuthorizeCallback = (
  request: Request,
) => Response | Authorized | void | Promise<Response | Authorized | void>;

/** An accepted upgrade, where the runtime writes the 101. */
export interface Approved<E extends NegotiatedExtension> {
  readonly accepted: true;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** What the extension's negotiation agreed on. */
  readonly extension: E | undefined;
  /** The application's headers of the 101; they are valid. */
  readonly applicationHeaders: [string, string][];
  /** What `authorize` has handed over. */
  readonly data: unknown;
}

/** An accepted upgrade. */
export interface Accepted<E extends NegotiatedExtension> extends Approved<E> {
  /** All headers of the 101 in their order; names and values are valid. */
  readonly headers: [string, string][];
}

/** A refused upgrade. */
export interface Refused {
  readonly accepted: false;
  /** Why, with the whole answer in `response`. */
  readonly error: HandshakeError;
}

/**
 * Answers an upgrade request. The checks, their order and their statuses are
 * gorilla's. The promise always fulfils, whatever the request is and user code
 * throws; it takes as long as user code does.
 *
 * @param request The request
 * @param options The Upgrader's part
 * @returns What to answer
 */
export async function acceptUpgrade<
  E extends NegotiatedExtension = NegotiatedExtension,
>(
  request: Request,
  options: AcceptOptions<E> = {},
): Promise<Accepted<E> | Refused> {
  const result = await approveUpgrade(request, options);
  if (!result.accepted) return result;
  const { subprotocol, extension, applicationHeaders } = result;
  const protocol: [string, string] = ["Sec-WebSocket-Protocol", subprotocol];
  const key = request.headers.get("sec-websocket-key")!;
  const headers: [string, string][] = [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Accept", acceptKey(key)],
    ...(subprotocol === "" ? [] : [protocol]),
    ...extensionHeader(extension),
    ...applicationHeaders,
  ];
  return { ...result, headers };
}

/**
 * The same for a runtime that writes the 101 itself. It waits only for user
 * code: a runtime may handle what a client sent after its request as frames
 * only if the upgrade is done in the same turn of the event loop.
 *
 * @param request The request
 * @param options The Upgrader's part
 * @returns What to answer
 */
export async function approveUpgrade<
  E extends NegotiatedExtension = NegotiatedExtension,
>(
  request: Request,
  options: AcceptOptions<E> = {},
): Promise<Approved<E> | Refused> {
  const result = await answer(request, options);
  if (!("status" in result)) return result;
  const error = await handshakeError(
    request,
    result,
    options.error,
    options.report,
  );
  return { accepted: false, error };
}

async function answer<E extends NegotiatedExtension>(
  request: Request,
  options: AcceptOptions<E>,
): Promise<Approved<E> | Refusal> {
  const refusal =
    (options.extendedConnect === true
      ? checkExtendedConnect(request)
      : checkUpgradeRequest(request)) ?? options.admit?.(request);
  if (refusal !== undefined) return refusal;

  const protocolAllowed = options.subprotocols === undefined;
  let given: [string, string][];
  try {
    given = responseHeaders(options.headers ?? [], protocolAllowed);
  } catch (cause) {
    return failed("the application's headers are invalid", cause);
  }

  try {
    const { checkOrigin } = options;
    // Nothing but true: a callback that forgets to return allows nobody.
    if (await (checkOrigin ?? checkSameOrigin)(request) !== true) {
      return refuse(403, originFault(request, checkOrigin === undefined));
    }
  } catch (cause) {
    return failed("checkOrigin failed", cause);
  }

  const key = request.headers.get("sec-websocket-key");
  if (options.extendedConnect !== true && !isValidKey(key)) {
    return refuse(
      400,
      "the Sec-WebSocket-Key header is not the base64 of 16 bytes",
    );
  }

  let extension: E | undefined;
  // If no extension is wanted, all are declined, even malformed ones: the
  // protocols of some devices put their own data into the header.
  if (options.negotiate !== undefined) {
    // RFC 6455, section 9.1: a malformed value fails the handshake.
    const offers = parseExtensions(
      request.headers.get("sec-websocket-extensions"),
    );
    if (offers === undefined) {
      return refuse(400, "the Sec-WebSocket-Extensions header is malformed");
    }
    try {
      extension = options.negotiate(offers);
    } catch (cause) {
      return failed("the negotiation of extensions failed", cause);
    }
  }

  let subprotocol = await selectSubprotocol(
    request,
    options.subprotocols,
    given,
  );
  if (typeof subprotocol !== "string") return subprotocol;

  let data: unknown;
  if (options.authorize !== undefined) {
    const result = await authorize(request, options.authorize, protocolAllowed);
    if ("status" in result) return result;
    const added = result.headers;
    ({ data } = result);
    given = [...given, ...added];
    if (added.some(([name]) => isProtocol(name))) {
      const chosen = await selectSubprotocol(request, undefined, given);
      if (typeof chosen !== "string") return chosen;
      subprotocol = chosen;
    }
  }

  const applicationHeaders = given.filter(([name]) => !isProtocol(name));
  return { accepted: true, subprotocol, extension, applicationHeaders, data };
}

function extensionHeader(
  extension: NegotiatedExtension | undefined,
): [string, string][] {
  if (extension === undefined) return [];
  return [["Sec-WebSocket-Extensions", extension.header]];
}

/** What the callback adds: headers that are valid, and whatever data. */
interface Added {
  readonly headers: [string, string][];
  readonly data: unknown;
}

/** What the callback adds, or its refusal. */
async function authorize(
  request: Request,
  callback: AuthorizeCallback,
  protocolAllowed: boolean,
): Promise<Added | Refusal> {
  try {
    const result = await callback(request);
    if (!isInstance(result, Response)) {
      const { headers = [], data } = readAuthorized(result);
      return { headers: responseHeaders(headers, protocolAllowed), data };
    }
    const { status } = result;
    if (isAnswer(result)) {
      const reason = `Cannot upgrade request: authorize answered ${status}`;
      return { status, reason, response: result };
    }
    throw new TypeError(
      `Cannot answer with a Response of status ${status}: it must be 200 to ` +
        "599, and its body unread",
    );
  } catch (cause) {
    return failed("authorize failed", cause);
  }
}

function refuse(status: number, fault: string): Refusal {
  return { status, reason: `Cannot upgrade request: ${fault}` };
}

function failed(what: string, cause: unknown): Refusal {
  return { ...refuse(500, what), cause };
}
