/** What the receiving side of a {@linkcode Lane} is told. */
export interface LaneReceiver {
  /** Bytes; the receiver's own. */
  data(chunk: Uint8Array<ArrayBuffer>): void;
  /** The sending side has ended, and all has been received. */
  end(): void;
}

/** How a {@linkcode Lane} carries bytes. */
export interface LaneOptions {
  /** The most bytes of a chunk; `undefined` leaves chunks as they were written. */
  readonly chunkSize: number | undefined;
  /** Milliseconds that everything takes. */
  readonly latency: number;
  /** Bytes under way past which a write waits. */
  readonly bufferSize: number;
}

interface Parcel {
  /** What has not been delivered; `undefined` is the end. */
  bytes: Uint8Array<ArrayBuffer> | undefined;
  /** When it is there. */
  readonly due: number;
}

/** One direction of a pipe in memory. */
export class Lane {
  readonly #options: LaneOptions;
  #receiver: LaneReceiver | undefined;
  #parcels: Parcel[] = [];
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

  /** Whether the sending side has ended, and waits for no write. */
  get ended(): boolean {
    return this.#sentEnd && this.#done === undefined;
  }

  /** Whether the end has been delivered, or nothing is any more. */
  get over(): boolean {
    return this.#over;
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

  /** Takes a chunk; `done` is called when no more than the buffer is under way. */
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

  /** Ends the lane behind what was written. */
  end(): void {
    if (this.#sentEnd) return;
    this.#sentEnd = true;
    if (!this.#over) this.#send(undefined);
  }

  /** A write that waits has failed. */
  giveUp(error: unknown): void {
    const done = this.#done;
    this.#done = undefined;
    if (done !== undefined) queueMicrotask(() => done(error));
  }

  /** Drops what is under way. */
  stop(error: unknown): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#parcels = [];
    this.giveUp(error);
  }

  #send(bytes: Uint8Array<ArrayBuffer> | undefined): void {
    const due = performance.now() + this.#options.latency;
    this.#parcels.push({ bytes, due });
    this.#run();
  }

  #run(): void {
    if (this.#running || this.#over || this.#receiver === undefined) return;
    const first = this.#parcels[0];
    if (first === undefined) return;
    this.#running = true;
    const wait = first.due - performance.now();
    if (wait <= 0) setImmediate(() => this.#deliver());
    else this.#timer = setTimeout(() => this.#deliver(), Math.ceil(wait));
  }

  /** Delivers what is due; microtasks run behind each chunk, as on a socket. */
  async #deliver(): Promise<void> {
    const receiver = this.#receiver!;
    while (!this.#paused && !this.#over) {
      const first = this.#parcels[0];
      if (first === undefined || first.due > performance.now()) break;
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
      await undefined;
    }
    this.#running = false;
    if (!this.#paused) this.#run();
  }

  /** The next chunk of what is due. */
  #take(): Uint8Array<ArrayBuffer> {
    const { chunkSize } = this.#options;
    if (chunkSize === undefined) return this.#parcels.shift()!.bytes!;
    const now = performance.now();
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    while (length < chunkSize) {
      const first = this.#parcels[0];
      if (first?.bytes === undefined || first.due > now) break;
      const part = first.bytes.subarray(0, chunkSize - length);
      first.bytes = first.bytes.subarray(part.length);
      if (first.bytes.length === 0) this.#parcels.shift();
      parts.push(part);
      length += part.length;
    }
    const chunk = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      chunk.set(part, offset);
      offset += part.length;
    }
    return chunk;
  }
}
