import type { Agreement, Compression } from "./negotiation.ts";
import { Deflater, joinBytes } from "./deflater.ts";
import { connectionOver } from "./faults.ts";
import { type Emit, Inflater } from "./inflater.ts";
import { deflateOnce, inflateOnce, MAX_INPUT } from "./one_shot.ts";
import type { CompressionSettings } from "./options.ts";
import { hasTime, myTurn, runLater, spend } from "../base/turns.ts";
import { deflateCost, type DeflateSettings, SLICE } from "./zlib_options.ts";

// Whole messages of up to this many bytes are compressed in the caller's turn.
const MAX_NOW = 16_384;
// RFC 7692, section 7.2.3.6: the empty block of an empty message, or of a last
// piece without data. It is shared, so whoever sends it must copy it.
const EMPTY: Uint8Array<ArrayBuffer> = Uint8Array.of(0x00);
const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);
// 00 00 ff ff, which is not sent: the receiver adds it again (RFC 7692, section
// 7.2.1).
const TAIL_LENGTH = 4;

/**
 * The codec of one connection, which `wire/` calls for messages that
 * permessage-deflate transforms. Without context takeover, every message, and
 * every piece of one, is compressed by a call of zlib that keeps no memory;
 * with it, a direction holds a zlib context.
 */
export class DeflateCodec {
  /** The most bytes of a piece to encode. */
  readonly maxPiece: number = SLICE;
  /** What was agreed on, as the header has it. */
  readonly extension: string;
  readonly #threshold: number;
  readonly #own: Compression;
  readonly #peer: Compression;
  readonly #deflater: Deflater | undefined;
  #inflater: Inflater | undefined;
  #settings: DeflateSettings;
  #nextLevel: number;
  #encoding = false; // whether a message has begun and not ended
  #decoding = false;
  #closed = false;

  /**
   * Makes a codec. It allocates nothing in zlib before it is used.
   *
   * @param side The connection's side
   * @param agreement What client and server have agreed on
   * @param options Level and threshold
   */
  constructor(
    side: "server" | "client",
    agreement: Agreement,
    options: Pick<CompressionSettings, "level" | "threshold">,
  ) {
    const { server, client } = agreement;
    this.extension = agreement.header;
    this.#own = side === "server" ? server : client;
    this.#peer = side === "server" ? client : server;
    this.#threshold = options.threshold;
    this.#nextLevel = options.level;
    this.#settings = {
      level: options.level,
      windowBits: this.#own.windowBits,
    };
    this.#deflater = this.#own.contextTakeover
      ? new Deflater(this.#settings)
      : undefined;
  }

  /** Whether a message of so many bytes is worth compressing. */
  encodes(size: number | undefined): boolean {
    return size === undefined || size >= this.#threshold;
  }

  /** Compresses a piece at once, if that takes little time. */
  encodeNow(
    data: Uint8Array,
    last: boolean,
  ): Uint8Array<ArrayBuffer> | undefined {
    this.#begin();
    if (data.length === 0) {
      this.#encoding = !last;
      return last ? EMPTY : NOTHING;
    }
    if (
      this.#deflater !== undefined || data.length > MAX_NOW || !hasTime()
    ) return undefined;
    this.#encoding = !last;
    return deflateOnce(data, this.#settings, last);
  }

  /** Compresses a piece for which `encodeNow` has no time. */
  async encode(
    data: Uint8Array,
    last: boolean,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const settings = this.#settings;
    this.#encoding = !last;
    if (this.#deflater === undefined) {
      const encoded = await runLater(() => {
        if (this.#closed) throw connectionOver();
        return new Uint8Array(deflateOnce(data, settings, last));
      });
      if (this.#closed) throw connectionOver();
      return encoded;
    }
    const cost = deflateCost(data.length, settings.level);
    if (hasTime() && data.length <= MAX_NOW) spend(cost);
    else await myTurn(cost);
    const encoded = await this.#deflater.deflate(data);
    if (this.#closed) throw connectionOver();
    return last ? encoded.subarray(0, -TAIL_LENGTH) : encoded;
  }

  /** The key for the form of a prepared message, if it should be compressed. */
  preparedKey(size: number): string | undefined {
    if (!this.encodes(size)) return undefined;
    return `deflate ${this.#nextLevel} ${this.#own.windowBits}`;
  }

  /**
   * Compresses a whole message for any connection of the same `preparedKey`.
   */
  prepare(
    data: Uint8Array,
  ): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
    if (data.length === 0) return EMPTY;
    const { windowBits } = this.#own;
    const settings: DeflateSettings = { level: this.#nextLevel, windowBits };
    if (data.length <= MAX_NOW) {
      return new Uint8Array(deflateOnce(data, settings, true));
    }
    return prepareLater(data, settings);
  }

  /**
   * A prepared form is sent: it refers to nothing before it, and what follows
   * must not either.
   */
  prepared(): void {
    this.#deflater?.reset();
  }

  /** Inflates a whole message at once, if that takes little time. */
  decodeNow(
    data: Uint8Array,
    limit: number,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (
      this.#peer.contextTakeover || data.length > MAX_INPUT || !hasTime()
    ) return undefined;
    return inflateOnce(data, limit);
  }

  /** Inflates a piece, or a whole message for which `decodeNow` has no time. */
  async decode(
    data: Uint8Array,
    last: boolean,
    limit: number,
    emit: Emit,
  ): Promise<void> {
    const whole = last && !this.#decoding;
    this.#decoding = !last;
    if (whole && !this.#peer.contextTakeover && data.length <= MAX_INPUT) {
      const inflated = await runLater(() => {
        if (this.#closed) throw connectionOver();
        const inflated = inflateOnce(data, limit);
        return inflated && new Uint8Array(inflated);
      });
      if (this.#closed) throw connectionOver();
      if (inflated !== undefined) {
        emit(inflated);
        return;
      }
    }
    if (this.#closed) throw connectionOver();
    const { windowBits, contextTakeover } = this.#peer;
    this.#inflater ??= new Inflater(windowBits, contextTakeover);
    await this.#inflater.inflate(data, last, limit, emit);
  }

  /** Sets the level for the messages to come. */
  setLevel(level: number): void {
    this.#nextLevel = level;
  }

  /** Frees what zlib holds; pending calls reject. */
  close(): void {
    this.#closed = true;
    this.#deflater?.close();
    this.#inflater?.close();
  }

  #begin(): void {
    if (this.#encoding || this.#settings.level === this.#nextLevel) return;
    this.#settings = { ...this.#settings, level: this.#nextLevel };
    this.#deflater?.setLevel(this.#nextLevel);
  }
}

// Prepares a large message slice by slice, independent of any connection.
async function prepareLater(
  data: Uint8Array,
  settings: DeflateSettings,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += SLICE) {
    const slice = data.subarray(start, start + SLICE);
    const last = start + SLICE >= data.length;
    const compress = () => new Uint8Array(deflateOnce(slice, settings, last));
    parts.push(await runLater(compress));
  }
  return joinBytes(parts);
}
