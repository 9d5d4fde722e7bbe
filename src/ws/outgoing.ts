import { toError } from "../base/user_values.ts";
import { type Conn, insideOf } from "../conn/conn.ts";
import { Queue } from "../conn/queue.ts";
import { sizeOf } from "./data.ts";

/** Is told how a message went. */
export type Done = (error?: Error) => void;

/** How a message is sent. */
export interface Sending {
  readonly binary: boolean;
  readonly compress: boolean;
  readonly fin: boolean;
}

interface Job {
  readonly size: number;
  readonly run: () => void | Promise<void>;
  readonly done: Done | undefined;
}

/** What is sent, in the order of the calls, also behind a Blob that is being read. */
export class Outgoing {
  readonly #conn: Conn;
  readonly #failed: (error: Error) => void;
  readonly #jobs: Queue<Job> = new Queue();
  #waiting = 0; // bytes
  #busy = false;
  #over = false;
  #fragments: WritableStreamDefaultWriter<string | Uint8Array> | undefined;

  /**
   * Makes the sending side of a connection.
   *
   * @param conn The connection
   * @param failed Is told what keeps a message from being sent that could not be
   * refused at once; nothing is sent any more
   */
  constructor(conn: Conn, failed: (error: Error) => void) {
    this.#conn = conn;
    this.#failed = failed;
  }

  /** Whether something waits for a Blob, or for a message in fragments. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** Bytes that have not been given to the system. */
  get amount(): number {
    return this.#conn.bufferedAmount + this.#waiting;
  }

  /** Sends a message, or a fragment of one. */
  send(
    payload: string | Uint8Array | Blob,
    sending: Sending,
    done: Done | undefined,
  ): void {
    this.#run({
      size: sizeOf(payload),
      run: () =>
        payload instanceof Blob
          ? payload.arrayBuffer().then((bytes) =>
            this.#send(new Uint8Array(bytes), sending, done)
          )
          : this.#send(payload, sending, done),
      done,
    });
  }

  /** Sends a ping or a pong, behind the messages. */
  control(
    type: 9 | 10,
    payload: string | Uint8Array,
    done: Done | undefined,
  ): void {
    this.#run({
      size: sizeOf(payload),
      run: () => {
        // It would overtake what has been sent in this turn.
        insideOf(this.#conn)!.transport.flush();
        this.#tell(this.#conn.writeControl(type, payload), done);
      },
      done,
    });
  }

  /** Runs a function behind all that is to be sent. */
  after(run: () => void): void {
    this.#run({ size: 0, run, done: undefined });
  }

  /** The connection is over, by an error of this side's if there is one. */
  end(error: Error = new Error("Cannot send: the connection is over")): void {
    this.#over = true;
    this.#waiting = 0;
    for (;;) {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      job.done?.(error);
    }
  }

  // What can be sent at once is, so that misuse throws at once.
  #run(job: Job): void {
    if (this.#busy) {
      this.#jobs.push(job);
      this.#waiting += job.size;
      return;
    }
    const reading = job.run();
    if (reading !== undefined) this.#wait(reading, job);
  }

  async #wait(reading: Promise<void>, first: Job): Promise<void> {
    this.#busy = true;
    this.#waiting += first.size;
    let job: Job | undefined = first;
    let running: void | Promise<void> = reading;
    while (job !== undefined) {
      try {
        await running;
        if (this.#over) return;
        this.#waiting -= job.size;
        job = this.#jobs.shift();
        running = job?.run();
      } catch (error) {
        return this.#fail(job, error);
      }
    }
    this.#busy = false;
  }

  #fail(job: Job | undefined, thrown: unknown): void {
    const error = toError(thrown, "Cannot send: it failed");
    job?.done?.(error);
    if (this.#over) return;
    this.end(error);
    this.#failed(error);
  }

  #send(
    payload: string | Uint8Array,
    { binary, compress, fin }: Sending,
    done: Done | undefined,
  ): void | Promise<void> {
    const conn = this.#conn;
    const type = binary ? 2 : 1;
    // It counts where the message is handed over, which is at once unless others
    // wait before it.
    if (!compress) conn.enableWriteCompression(false);
    try {
      if (fin && this.#fragments === undefined) {
        this.#tell(conn.writeMessage(type, payload), done);
        return;
      }
      const writer = this.#fragments ??= conn.nextWriter(type).getWriter();
      const written = writer.write(payload);
      if (!fin) return this.#tell(written, done);
      this.#fragments = undefined;
      const sent = writer.close();
      this.#tell(sent, done);
      // A close would drop what has not been handed over, and is told itself of
      // what fails.
      return sent.catch(() => {});
    } finally {
      if (!compress) conn.enableWriteCompression(true);
    }
  }

  // As with `ws`, what was sent is the system's by then.
  #tell(sent: Promise<void>, done: Done | undefined): void {
    if (done === undefined) return;
    const { transport } = insideOf(this.#conn)!;
    sent.then(() => transport.written?.()).then(() => done(), done);
  }
}
