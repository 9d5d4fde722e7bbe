/**
 * permessage-deflate as the suite's peers speak it (RFC 7692, section 7). A
 * message by itself is one call of zlib; those that share a context go through
 * one stream, since Deno's zlib takes no dictionary for raw data.
 */

import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  type DeflateRaw,
  deflateRawSync,
  type InflateRaw,
  inflateRawSync,
} from "node:zlib";

import { concat } from "../../unit/deflate/samples.ts";

/** The parameters of an offer or an answer, by name; "" for no value. */
export type Parameters = ReadonlyMap<string, string>;

/** How one side compresses. */
export interface Compression {
  readonly bits: number;
  readonly takeover: boolean;
}

const TAIL = new Uint8Array([0, 0, 0xff, 0xff]);
const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };

/** The messages of one direction, on the side that compresses them. */
export class Deflater {
  readonly #options: { windowBits: number };
  readonly #context: Context | undefined;

  constructor({ bits, takeover }: Compression) {
    this.#options = { windowBits: bits };
    if (takeover) this.#context = new Context(createDeflateRaw(this.#options));
  }

  /** RFC 7692, section 7.2.1. */
  async deflate(message: Uint8Array): Promise<Uint8Array> {
    const whole: Uint8Array = this.#context === undefined
      ? deflateRawSync(message, { ...FLUSH, ...this.#options })
      : await this.#context.run(message);
    return whole.subarray(0, whole.length - TAIL.length);
  }

  close(): void {
    this.#context?.close();
  }
}

/**
 * The messages of one direction, on the side that inflates them. Output comes in
 * pieces of the window's size, so that zlib refuses what reaches far behind a
 * window of the size agreed on.
 */
export class Inflater {
  readonly #options: { windowBits: number; chunkSize: number };
  readonly #context: Context | undefined;

  constructor({ bits, takeover }: Compression) {
    this.#options = { windowBits: bits, chunkSize: 1 << bits };
    if (takeover) this.#context = new Context(createInflateRaw(this.#options));
  }

  /**
   * RFC 7692, section 7.2.2.
   *
   * @throws {Error} If the data is corrupt
   */
  async inflate(payload: Uint8Array): Promise<Uint8Array> {
    const data = new Uint8Array(payload.length + TAIL.length);
    data.set(payload);
    data.set(TAIL, payload.length);
    return this.#context === undefined
      ? inflateRawSync(data, { ...FLUSH, ...this.#options })
      : await this.#context.run(data);
  }

  close(): void {
    this.#context?.close();
  }
}

/** A stream of zlib that is flushed behind each message. */
class Context {
  readonly #stream: DeflateRaw | InflateRaw;
  #output: Uint8Array[] = [];
  #reject: (error: unknown) => void = () => {};

  constructor(stream: DeflateRaw | InflateRaw) {
    this.#stream = stream;
    stream.on("data", (piece: Uint8Array) => this.#output.push(piece));
    stream.on("error", (error) => this.#reject(error));
  }

  async run(data: Uint8Array): Promise<Uint8Array> {
    const flushed = Promise.withResolvers<void>();
    this.#reject = flushed.reject;
    this.#stream.write(data);
    this.#stream.flush(constants.Z_SYNC_FLUSH, () => flushed.resolve());
    await flushed.promise;
    const output = this.#output;
    this.#output = [];
    return concat(output);
  }

  close(): void {
    this.#stream.close();
  }
}

/**
 * Reads the value of a Sec-WebSocket-Extensions header: a list of offers, of
 * which those that are not permessage-deflate are left out.
 */
export function readExtensions(header: string): Parameters[] {
  return header.split(",").map((offer) => offer.split(";"))
    .filter(([name]) => name!.trim() === "permessage-deflate")
    .map(([, ...parameters]) =>
      new Map(parameters.map((parameter) => {
        const [name, value = ""] = parameter.trim().split("=");
        return [name!, value.replaceAll('"', "")];
      }))
    );
}

/** What is wrong with an answer to offers (RFC 7692, sections 5.1 and 7.1). */
export function faultOfAnswer(
  offers: readonly Parameters[],
  answer: Parameters,
): string | undefined {
  const unknown = [...answer.keys()].find((name) => !NAMES.includes(name));
  if (unknown !== undefined) return "the answer has an unknown parameter";
  return offers.some((offer) => meets(offer, answer))
    ? undefined
    : "the answer does not fit the offer";
}

const NAMES: readonly string[] = [
  "server_no_context_takeover",
  "client_no_context_takeover",
  "server_max_window_bits",
  "client_max_window_bits",
];

function meets(offer: Parameters, answer: Parameters): boolean {
  if (
    offer.has("server_no_context_takeover") &&
    !answer.has("server_no_context_takeover")
  ) return false;
  const serverBits = offer.get("server_max_window_bits");
  if (serverBits !== undefined) {
    // Without the parameter the server would use a window of 15 bits.
    const answered = answer.get("server_max_window_bits");
    if (Number(answered ?? 15) > Number(serverBits)) return false;
  }
  return !answer.has("client_max_window_bits") ||
    offer.has("client_max_window_bits");
}

/** How a side compresses by the server's answer. */
export function compressionOf(
  side: "client" | "server",
  answer: Parameters,
): Compression {
  return {
    bits: Number(answer.get(`${side}_max_window_bits`) || 15),
    takeover: !answer.has(`${side}_no_context_takeover`),
  };
}
