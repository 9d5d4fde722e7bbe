import type { FrameDecoder } from "./decoder.ts";

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** Who has to know when a chunk is used up. */
export interface ChunkUser {
  /** A chunk has been decoded to its end. */
  spent(chunk: Uint8Array<ArrayBuffer>): void;
}

/**
 * The valve before a decoder: takes chunks at any time, hands them on in order
 * and one at a time, and keeps them while input is held.
 */
export class InputGate {
  readonly #decoder: FrameDecoder;
  readonly #user: ChunkUser | undefined;
  #held = false;
  /** Whether the decoder is at work: calls from its events must not nest. */
  #running = false;
  #chunk: Uint8Array<ArrayBuffer> = NOTHING;
  #position = 0;
  /** Chunks that wait, from `#first` on; made when the first has to. */
  #queue: Uint8Array<ArrayBuffer>[] | undefined;
  #first = 0;

  /**
   * Makes an open gate.
   *
   * @param decoder What the chunks go to
   * @param user Who is told of each chunk that has been decoded
   */
  constructor(decoder: FrameDecoder, user?: ChunkUser) {
    this.#decoder = decoder;
    this.#user = user;
  }

  /** Whether input is held. */
  get held(): boolean {
    return this.#held;
  }

  /**
   * Takes a chunk. It is decoded before this returns, unless input is held or
   * this is called from inside an event.
   *
   * @param chunk The bytes; not the caller's any more
   */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#decoder.over) return;
    if (this.#chunk === NOTHING) this.#chunk = chunk;
    else (this.#queue ??= []).push(chunk);
    this.#run();
  }

  /** Holds input back; from inside an event, what is behind that event. */
  hold(): void {
    this.#held = true;
    this.#decoder.pause();
  }

  /** Goes on where `hold` stopped. */
  release(): void {
    this.#held = false;
    this.#run();
  }

  /** Lets go of everything. For use once the decoder is over. */
  clear(): void {
    this.#chunk = NOTHING;
    this.#position = 0;
    this.#queue = undefined;
    this.#first = 0;
  }

  #run(): void {
    if (this.#held || this.#running) return;
    const decoder = this.#decoder;
    this.#running = true;
    try {
      do {
        try {
          decoder.decode(this.#chunk, this.#position);
        } finally {
          this.#position = decoder.position;
        }
      } while (!this.#held && (decoder.paused || this.#next()));
    } finally {
      this.#running = false;
    }
  }

  /** Brings the next chunk; whether there is one. */
  #next(): boolean {
    this.#position = 0;
    if (this.#chunk !== NOTHING) this.#user?.spent(this.#chunk);
    const queue = this.#queue;
    if (queue === undefined || this.#first === queue.length) {
      this.clear();
      return false;
    }
    this.#chunk = queue[this.#first]!;
    // The queue must not pin what has been decoded.
    queue[this.#first++] = NOTHING;
    return true;
  }
}
