import type { MessageCodec } from "../../../src/transport/codec.ts";
import { turn } from "./held_stream.ts";

/** A codec that flips all bits and always takes its time. */
export class ToyCodec implements MessageCodec {
  readonly maxPiece: number = 65_536;
  /** Calls under way, of each direction: never more than one. */
  readonly most: { encode: number; decode: number } = { encode: 0, decode: 0 };
  closed = 0;
  readonly #now: { encode: number; decode: number } = { encode: 0, decode: 0 };

  encodes(size: number | undefined): boolean {
    return size === undefined || size >= 8;
  }

  encodeNow(): undefined {
    return undefined;
  }

  encode(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.#work("encode", () => Promise.resolve(flip(data)));
  }

  preparedKey(size: number): string | undefined {
    return size >= 8 ? "toy" : undefined;
  }

  prepare(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return this.encode(data);
  }

  prepared(): void {}

  decodeNow(): undefined {
    return undefined;
  }

  async decode(
    data: Uint8Array,
    _last: boolean,
    _limit: number,
    emit: (part: Uint8Array<ArrayBuffer>) => Promise<void> | undefined,
  ): Promise<void> {
    await this.#work("decode", async () => {
      // In two parts, so that a hold between them shows.
      const half = data.length >> 1;
      await emit(flip(data.subarray(0, half)));
      await emit(flip(data.subarray(half)));
    });
  }

  setLevel(): void {}

  close(): void {
    this.closed++;
  }

  async #work<T>(
    what: "encode" | "decode",
    act: () => Promise<T>,
  ): Promise<T> {
    this.most[what] = Math.max(this.most[what], ++this.#now[what]);
    await turn();
    try {
      return await act();
    } finally {
      this.#now[what]--;
    }
  }
}

/** The bytes with all bits flipped. */
export function flip(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (byte) => byte ^ 0xff);
}
