import { countMessage, isTurnOver, nextTurn } from "../base/turns.ts";

/** What a {@linkcode Lane} calls on its receiving side. */
export interface LaneReceiver {
  /** Bytes, which the receiver may keep. */
  data(chunk: Uint8Array<ArrayBuffer>): void;
  /** The sending side has ended, and everything has been received. */
  end(): void;
}

/** How a {@linkcode Lane} carries bytes. */
export interface LaneOptions {
  /**
   * The most bytes of a chunk; `undefined` leaves chunks as they were written.
   */
  readonly chunkSize: number | undefined;
  /** Milliseconds that everything takes to arrive. */
  readonly latency: number;
  /** Bytes in transit beyond which a write waits. */
  readonly bufferSize: number;
}

interface Parcel {
  /** `undefined` is the end. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** How many of the bytes have been delivered. */
  offset: number;
  /** When it arrives; 0 without latency. */
  readonly due: number;
  /** The next one: a linked list, as tens of thousands may be in transit. */
  next: Parcel | undefined;
}

/** One direction of a pipe in memory. */
export class Lane {
  readonly #options: LaneOptions;
  #receiver: LaneReceiver | undefined;
  #first: Parcel | undefined;
  #last: Parcel | undefined;
  #size = 0;
  #done: ((error?: unknown) => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #paused = false;
  #sentEnd = false;
  #over = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Whether the sending side has ended, and no write waits. */
  get ended(): boolean {
    return this.#sentEnd && this.#done === undefined;
  }

  /** Whether nothing more will be delivered. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether nothing is delivered for now. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Delivers from now on. */
  open(receiver: LaneReceiver): void {
    this.#receiver = receiver;
    this.#run();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#run();
  }

  /**
   * Takes a chunk; `done` is called once no more than the buffer is in transit.
   */
  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    if (this.#sentEnd || this.#over) {
      queueMicrotask(() => done(new Error("Cannot write: the pipe has ended")));
      return;
    }
    if (chunk.length > 0) this.#send(new Uint8Array(chunk));
    this.#size += chunk.length;
    if (this.#size > this.#options.bufferSize) this.#done = done;
    else queueMicrotask(() => done());
  }

  /** Ends the lane after what was written. */
  end(): void {
    if (this.#sentEnd) return;
    this.#sentEnd = true;
    if (!this.#over) this.#send(undefined);
  }

  /** Fails the write that waits. */
  giveUp(error: unknown): void {
    const done = this.#done;
    this.#done = undefined;
    if (done !== undefined) queueMicrotask(() => done(error));
  }

  /** Drops what is in transit. */
  stop(error: unknown): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#first = this.#last = undefined;
    this.giveUp(error);
  }

  #send(bytes: Uint8Array<ArrayBuffer> | undefined): void {
    const { latency } = this.#options;
    const due = latency === 0 ? 0 : performance.now() + latency;
    const parcel: Parcel = { bytes, offset: 0, due, next: undefined };
    if (this.#last === undefined) this.#first = parcel;
    else this.#last.next = parcel;
    this.#last = parcel;
    this.#run();
  }

  #run(): void {
    if (this.#running || this.#over || this.#receiver === undefined) return;
    const first = this.#first;
    if (first === undefined) return;
    this.#running = true;
    if (isDue(first)) {
      setImmediate(() => this.#deliver());
    } else {
      const wait = Math.ceil(first.due - performance.now());
      this.#timer = setTimeout(() => this.#deliver(), wait);
    }
  }

  /** Delivers what is due; microtasks run after each chunk, as on a socket. */
  async #deliver(): Promise<void> {
    const receiver = this.#receiver!;
    while (!this.#paused && !this.#over) {
      const first = this.#first;
      if (first === undefined || !isDue(first)) break;
      if (first.bytes === undefined) {
        this.#over = true;
        receiver.end();
        break;
      }
      const chunk = this.#take();
      this.#size -= chunk.length;
      receiver.data(chunk);
      if (this.#done !== undefined && this.#size <= this.#options.bufferSize) {
        const done = this.#done;
        this.#done = undefined;
        done();
      }
      countMessage(chunk.length);
      await (isTurnOver() ? nextTurn() : undefined);
    }
    this.#running = false;
    if (!this.#paused) this.#run();
  }

  /** The next chunk of what is due. */
  #take(): Uint8Array<ArrayBuffer> {
    const chunk = this.#cut(this.#options.chunkSize ?? Infinity);
    if (this.#options.chunkSize === undefined) return chunk;
    // Later writes fill up the chunk.
    const parts = [chunk];
    let missing = this.#options.chunkSize - chunk.length;
    while (missing > 0) {
      const first = this.#first;
      if (first?.bytes === undefined || !isDue(first)) break;
      const part = this.#cut(missing);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 ? chunk : join(parts);
  }

  /** At most so many bytes of the first parcel. */
  #cut(count: number): Uint8Array<ArrayBuffer> {
    const first = this.#first!;
    const bytes = first.bytes!;
    if (first.offset === 0 && bytes.length <= count) {
      this.#shift();
      return bytes;
    }
    const chunk = bytes.slice(first.offset, first.offset + count);
    first.offset += chunk.length;
    if (first.offset === bytes.length) this.#shift();
    return chunk;
  }

  #shift(): void {
    this.#first = this.#first?.next;
    if (this.#first === undefined) this.#last = undefined;
  }
}

function isDue({ due }: Parcel): boolean {
  return due === 0 || due <= performance.now();
}

function join(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
