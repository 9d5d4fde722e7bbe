import type { CookieJar } from "../cookies/cookie_jar.ts";
import type { Agreement } from "../deflate/negotiation.ts";
import { DialError, type DialPhase } from "../errors.ts";
import { BadHandshakeError } from "../peer_errors.ts";
import type { HandshakeResponse } from "../peer_errors.ts";
import type { ClientRequest } from "../handshake/client_request.ts";
import { verifyClientResponse } from "../handshake/client_response.ts";
import type { ClientExpectation } from "../handshake/client_response.ts";
import { dialAddress, type DialTarget } from "../handshake/client_url.ts";
import type {
  ResponseHead,
  ResponseHeadResult,
} from "../handshake/response_head.ts";
import { openStream, type StreamOptions } from "./connect.ts";
import { HandshakeStream } from "../streams/handshake_stream.ts";
import { readAnswerBody, readAnswerHead, toResponse } from "./read_response.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import { TunnelError } from "./proxy_tunnel.ts";
import { untilAborted } from "./abortable.ts";
import { endedEarly } from "../runtime/sockets/connect.ts";
import { isInstance, textProperty } from "../base/user_values.ts";
import { visible } from "../base/visible.ts";
import { abortQuietly } from "../runtime/abort.ts";

/** What a dial needs. */
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

/** What a dial returns. */
export interface Dialed {
  /** The stream, from the end of the answer's head on. */
  readonly stream: ByteStream;
  readonly subprotocol: string;
  /** The compression that was agreed on, if any. */
  readonly extension: Agreement | undefined;
  readonly response: HandshakeResponse;
}

/** Connects and does the opening handshake. If it fails, nothing stays open. */
export async function attemptDial(plan: DialPlan): Promise<Dialed> {
  plan.signal?.throwIfAborted();
  const attempt = new Attempt(plan);
  try {
    return await attempt.run();
  } catch (error) {
    throw attempt.listenerError ?? error;
  } finally {
    attempt.stop();
  }
}

class Attempt {
  readonly #plan: DialPlan;
  readonly #address: string;
  #proxy: string | undefined;
  /** Aborted when the application gives up or the dial has timed out. */
  readonly #controller: AbortController = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #phase: DialPhase = "connect";
  #asksJar = false;
  /** Set if a listener on the signal that `netDial` was given has thrown. */
  listenerError: DialError | undefined;

  constructor(plan: DialPlan) {
    this.#plan = plan;
    this.#address = dialAddress(plan.target);
    plan.signal?.addEventListener("abort", this.#onAbort);
    if (plan.timeout === Infinity) return;
    this.#timer = setTimeout(
      () => this.#abort(this.#timeoutError()),
      plan.timeout,
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
    const stream = opened instanceof HandshakeStream
      ? opened
      : new HandshakeStream(opened);
    try {
      const head = await this.#exchange(stream, request.bytes, signal);
      const { headers } = toResponse(head);
      await this.#ask(() => jar?.setCookies(target.url, headers));
      const { key, subprotocols } = request;
      const result = verifyClientResponse<Agreement>(head, {
        key,
        subprotocols,
        verifyExtensions,
      });
      signal.throwIfAborted();
      if (result.ok) {
        const { subprotocol, extension } = result;
        return {
          stream: stream.release(),
          subprotocol,
          extension,
          response: toResponse(head),
        };
      }
      const body = await readAnswerBody(stream, head, signal);
      // Even after the timeout, the answer says more than a TimeoutError would.
      this.#plan.signal?.throwIfAborted();
      throw new BadHandshakeError(result.error, toResponse(head, body));
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Calls the jar, which may take a while. */
  async #ask<T>(call: () => T | Promise<T>): Promise<T> {
    this.#asksJar = true;
    const called = (async () => await call())();
    const answer = await untilAborted(called, this.#controller.signal);
    this.#asksJar = false;
    return answer;
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
      if (isInstance(error, TunnelError)) {
        throw this.#error(error.message, error.cause ?? error);
      }
      throw this.#error(errorName(error), error);
    }
  }

  /** Sends the request and reads the answer's head. */
  async #exchange(
    stream: HandshakeStream,
    request: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<ResponseHead> {
    this.#phase = "http";
    // A server may refuse before it has read the request, so a failed write is
    // no failure while an answer may come.
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
      throw this.#error(
        fault,
        writeError ??
          endedEarly("The server ended the connection without an answer"),
      );
    }
    if (!result.ok) throw this.#error("bad answer", new Error(result.error));
    return result.head;
  }

  #onAbort = (): void => {
    this.#abort(this.#plan.signal!.reason);
  };

  #abort(reason: unknown): void {
    abortQuietly(this.#controller, reason, (error) => {
      this.listenerError ??= this.#error(
        "a listener of its signal threw",
        error,
      );
    });
  }

  #error(fault: string, cause: unknown): DialError {
    return new DialError(visible(`Cannot ${this.#step}: ${fault}`), {
      phase: this.#phase,
      address: this.#phase === "proxy" && this.#proxy !== undefined
        ? this.#proxy
        : this.#address,
      cause,
    });
  }

  #timeoutError(): DOMException {
    const error = new DOMException(
      visible(`Cannot ${this.#step}: the handshake took more than `) +
        `${this.#plan.timeout} ms`,
      "TimeoutError",
    );
    // The same property as a DialError's.
    return Object.assign(error, { phase: this.#phase });
  }

  /** The step under way, for error messages. */
  get #step(): string {
    if (this.#asksJar) return `ask the jar about ${this.#address}`;
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
 * What an error message says of a system error: its code only, as its text may
 * hold what a peer has sent; for a permission that Deno lacks, which one.
 */
function errorName(error: unknown): string {
  if (textProperty(error, "name") === "NotCapable") {
    return textProperty(error, "message") ?? "NotCapable";
  }
  return textProperty(error, "code") ?? textProperty(error, "name") ??
    "it failed";
}
