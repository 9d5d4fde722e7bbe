import type { CookieJar } from "./cookies/cookie_jar.ts";
import type { Agreement } from "./deflate/negotiation.ts";
import { BadHandshakeError, DialError, type DialPhase } from "./errors.ts";
import type { HandshakeResponse } from "./errors.ts";
import type { ClientRequest } from "./handshake/client_request.ts";
import { verifyClientResponse } from "./handshake/client_response.ts";
import type { ClientExpectation } from "./handshake/client_response.ts";
import { dialAddress, type DialTarget } from "./handshake/client_url.ts";
import type {
  ResponseHead,
  ResponseHeadResult,
} from "./handshake/response_head.ts";
import { openStream, type StreamOptions } from "./open_stream.ts";
import { PulledStream } from "./pulled_stream.ts";
import { readAnswerBody, readAnswerHead, toResponse } from "./read_answer.ts";
import type { ByteStream } from "./transport/byte_stream.ts";
import { TunnelError } from "./tunnel.ts";
import { untilAborted } from "./until_aborted.ts";

// The longest time that a timer can be set to.
const MAX_TIMEOUT = 2 ** 31 - 1;

/** What a dial is made with. */
export interface DialPlan extends StreamOptions {
  readonly target: DialTarget;
  /** Builds the request, with the cookies of the jar. */
  readonly buildRequest: (cookies: string) => ClientRequest;
  readonly jar: CookieJar | undefined;
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
  #proxy: string | undefined;
  /** Aborted when the application gives up or the time is over. */
  readonly #controller: AbortController = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #phase: DialPhase = "connect";

  constructor(plan: DialPlan) {
    this.#plan = plan;
    this.#address = dialAddress(plan.target);
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
    const { buildRequest, jar, target, verifyExtensions } = this.#plan;
    const cookies = jar && await this.#ask(() => jar.getCookies(target.url));
    const request = buildRequest(cookies ?? "");
    const opened = await this.#open(signal);
    const stream = opened instanceof PulledStream
      ? opened
      : new PulledStream(opened);
    try {
      const head = await this.#exchange(stream, request.bytes, signal);
      const { headers } = toResponse(head);
      await this.#ask(() => jar?.setCookies(target.url, headers));
      const { key, subprotocols } = request;
      const result = await verifyClientResponse<Agreement>(head, {
        key,
        subprotocols,
        verifyExtensions,
      });
      signal.throwIfAborted();
      if (result.ok) {
        const { subprotocol, extension } = result;
        return { stream, subprotocol, extension, response: toResponse(head) };
      }
      const body = await readAnswerBody(stream, head, signal);
      // The answer says more than that the time is over.
      this.#plan.signal?.throwIfAborted();
      throw new BadHandshakeError(result.error, toResponse(head, body));
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Calls the jar, which may take its time. */
  #ask<T>(call: () => T | Promise<T>): Promise<T> {
    const called = (async () => await call())();
    return untilAborted(called, this.#controller.signal);
  }

  async #open(signal: AbortSignal): Promise<ByteStream> {
    const { target } = this.#plan;
    try {
      return await openStream(target, this.#plan, {
        signal,
        onPhase: (phase) => this.#phase = phase,
        onProxy: (address) => this.#proxy = address,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TunnelError) {
        throw this.#error(error.message, error.cause ?? error);
      }
      throw this.#error(errorName(error), error);
    }
  }

  /** Sends the request and reads the answer's head. */
  async #exchange(
    stream: PulledStream,
    request: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<ResponseHead> {
    this.#phase = "http";
    // A server may refuse before it has read the request: the answer counts.
    let writeError: unknown;
    stream.write(request, (error) => writeError = error);
    let result: ResponseHeadResult | undefined;
    try {
      result = await readAnswerHead(stream, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#error(errorName(error), error);
    }
    if (result === undefined) {
      const fault = "the server closed the connection without an answer";
      throw this.#error(fault, writeError);
    }
    if (!result.ok) throw this.#error("bad answer", new Error(result.error));
    return result.head;
  }

  #onAbort = (): void => {
    this.#controller.abort(this.#plan.signal!.reason);
  };

  #error(fault: string, cause: unknown): DialError {
    return new DialError(`Cannot ${this.#step}: ${fault}`, {
      phase: this.#phase,
      address: this.#phase === "proxy" && this.#proxy !== undefined
        ? this.#proxy
        : this.#address,
      cause,
    });
  }

  #timeoutError(): DOMException {
    return new DOMException(
      `Cannot ${this.#step}: the handshake took more than ` +
        `${this.#plan.timeout} ms`,
      "TimeoutError",
    );
  }

  /** What is being done, for a message. */
  get #step(): string {
    if (this.#phase !== "proxy") {
      return `${STEPS[this.#phase]} ${this.#address}`;
    }
    return this.#proxy === undefined
      ? `choose a proxy for ${this.#address}`
      : `connect through the proxy ${this.#proxy} to ${this.#address}`;
  }
}

const STEPS: Readonly<Record<Exclude<DialPhase, "proxy">, string>> = {
  lookup: "look up",
  connect: "connect to",
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
