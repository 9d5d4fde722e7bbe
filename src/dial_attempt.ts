import type { Agreement } from "./deflate/negotiation.ts";
import { BadHandshakeError, DialError, type DialPhase } from "./errors.ts";
import type { HandshakeResponse } from "./errors.ts";
import type { ClientRequest } from "./handshake/client_request.ts";
import { verifyClientResponse } from "./handshake/client_response.ts";
import type { ClientExpectation } from "./handshake/client_response.ts";
import type { DialTarget } from "./handshake/client_url.ts";
import { ResponseBodyReader } from "./handshake/response_body.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
} from "./handshake/response_head.ts";
import { openStream, type StreamOptions } from "./open_stream.ts";
import { PulledStream } from "./pulled_stream.ts";
import type { ByteStream } from "./transport/byte_stream.ts";

// As much of a refused answer's body as gorilla keeps.
const MAX_BODY_BYTES = 1024;
// The milliseconds that it may take.
const BODY_TIMEOUT = 1000;
// The longest time that a timer can be set to.
const MAX_TIMEOUT = 2 ** 31 - 1;

/** What a dial is made with. */
export interface DialPlan extends StreamOptions {
  readonly target: DialTarget;
  readonly request: ClientRequest;
  /** Checks the extensions of the answer; absent where none was offered. */
  readonly verifyExtensions: ClientExpectation<Agreement>["verifyExtensions"];
  /** Milliseconds for all of it, or `Infinity`. */
  readonly timeout: number;
  /** The application's signal. */
  readonly signal: AbortSignal | undefined;
}

/** What a dial comes to. */
export interface Dialed {
  /** The stream, from behind the answer's head on. */
  readonly stream: ByteStream;
  readonly subprotocol: string;
  /** What was agreed on of compression, if the server wants it. */
  readonly extension: Agreement | undefined;
  readonly response: HandshakeResponse;
}

/** Connects and does the opening handshake. When it fails nothing stays open. */
export async function attemptDial(plan: DialPlan): Promise<Dialed> {
  plan.signal?.throwIfAborted();
  const attempt = new Attempt(plan);
  try {
    return await attempt.run();
  } finally {
    attempt.stop();
  }
}

class Attempt {
  readonly #plan: DialPlan;
  readonly #address: string;
  /** Aborted when the application gives up or the time is over. */
  readonly #controller: AbortController = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #phase: DialPhase = "connect";

  constructor(plan: DialPlan) {
    this.#plan = plan;
    const { hostname, port } = plan.target;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    this.#address = `${host}:${port}`;
    plan.signal?.addEventListener("abort", this.#onAbort);
    if (plan.timeout === Infinity) return;
    this.#timer = setTimeout(
      () => this.#controller.abort(this.#timeoutError()),
      Math.min(plan.timeout, MAX_TIMEOUT),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#plan.signal?.removeEventListener("abort", this.#onAbort);
  }

  async run(): Promise<Dialed> {
    const { signal } = this.#controller;
    const stream = new PulledStream(await this.#open(signal));
    try {
      const head = await this.#exchange(stream, signal);
      const { request, verifyExtensions } = this.#plan;
      const { key, subprotocols } = request;
      const result = await verifyClientResponse<Agreement>(head, {
        key,
        subprotocols,
        verifyExtensions,
      });
      signal.throwIfAborted();
      if (result.ok) {
        const response = toResponse(head, new Uint8Array(0));
        const { subprotocol, extension } = result;
        return { stream, subprotocol, extension, response };
      }
      const body = await readBody(stream, head, signal);
      // The answer says more than that the time is over.
      this.#plan.signal?.throwIfAborted();
      throw new BadHandshakeError(result.error, toResponse(head, body));
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  async #open(signal: AbortSignal): Promise<ByteStream> {
    const { target } = this.#plan;
    try {
      return await openStream(target, this.#plan, {
        signal,
        onPhase: (phase) => this.#phase = phase,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw this.#error(errorName(error), error);
    }
  }

  /** Sends the request and reads the answer's head. */
  async #exchange(
    stream: PulledStream,
    signal: AbortSignal,
  ): Promise<ResponseHead> {
    this.#phase = "http";
    // A server may refuse before it has read the request: the answer counts.
    let writeError: unknown;
    stream.write(this.#plan.request.bytes, (error) => writeError = error);
    const parser = new ResponseHeadParser();
    for (;;) {
      let chunk: Uint8Array<ArrayBuffer> | undefined;
      try {
        chunk = await stream.read(signal);
      } catch (error) {
        signal.throwIfAborted();
        throw this.#error(errorName(error), error);
      }
      if (chunk === undefined) {
        const fault = "the server closed the connection without an answer";
        throw this.#error(fault, writeError);
      }
      const result = parser.push(chunk);
      if (result === undefined) continue;
      if (!result.ok) throw this.#error("bad answer", new Error(result.error));
      stream.unread(result.rest);
      return result.head;
    }
  }

  #onAbort = (): void => {
    this.#controller.abort(this.#plan.signal!.reason);
  };

  #error(fault: string, cause: unknown): DialError {
    const step = STEPS[this.#phase];
    return new DialError(`Cannot ${step} ${this.#address}: ${fault}`, {
      phase: this.#phase,
      address: this.#address,
      cause,
    });
  }

  #timeoutError(): DOMException {
    const { timeout } = this.#plan;
    return new DOMException(
      `Cannot ${STEPS[this.#phase]} ${this.#address}: the handshake took ` +
        `more than ${timeout} ms`,
      "TimeoutError",
    );
  }
}

const STEPS: Readonly<Record<DialPhase, string>> = {
  lookup: "look up",
  connect: "connect to",
  proxy: "connect through the proxy to",
  tls: "speak TLS with",
  http: "shake hands with",
};

/**
 * What a message says of the system's error: its code, as the text may hold
 * what a peer has sent.
 */
function errorName(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  for (const text of [code, name]) {
    if (typeof text === "string" && text !== "") return text;
  }
  return "it failed";
}

/** The first bytes of a refused answer's body, as far as they come in time. */
async function readBody(
  stream: PulledStream,
  head: ResponseHead,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new ResponseBodyReader(head, MAX_BODY_BYTES);
  const grace = new AbortController();
  const cut = () => grace.abort();
  const timer = setTimeout(cut, BODY_TIMEOUT);
  signal.addEventListener("abort", cut);
  try {
    while (!reader.done) {
      const chunk = await stream.read(grace.signal);
      if (chunk === undefined) break;
      reader.push(chunk);
    }
  } catch {
    // What has come is shown.
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cut);
  }
  return reader.bytes;
}

function toResponse(
  head: ResponseHead,
  body: Uint8Array<ArrayBuffer>,
): HandshakeResponse {
  const headers = new Headers();
  for (const [name, value] of head.headers) headers.append(name, value);
  return { status: head.status, headers, body };
}
