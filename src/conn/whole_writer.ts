import { nextTurn } from "../base/turns.ts";
import { unshared } from "../base/user_values.ts";
import { CloseError } from "../close.ts";
import type { DataType } from "../message.ts";
import type { Core } from "./core.ts";
import { checkPayload } from "./payload.ts";
import { onAbort } from "./promises.ts";
import { QuietWritable } from "./quiet_streams.ts";
import type { Turn } from "./write_queue.ts";

/**
 * Opens a writer for one message that is gathered, and sent whole when the writer is
 * closed: for transports that cannot do otherwise, where `MessageSink` would be much
 * to load.
 *
 * @param core The connection
 * @param type The message's type
 * @param signal Aborts the writer
 * @returns The writer's stream
 */
export function openWholeWriter(
  core: Core,
  type: DataType,
  signal: AbortSignal | undefined,
): WritableStream<string | Uint8Array> {
  const sink = new WholeSink(core, type);
  const stream = new QuietWritable(sink);
  sink.open(signal);
  return stream;
}

class WholeSink implements Turn, UnderlyingSink<string | Uint8Array> {
  readonly #core: Core;
  readonly #type: DataType;
  readonly #decoder = new TextDecoder("utf-8", {
    fatal: true,
    ignoreBOM: true,
  });
  readonly #turn = Promise.withResolvers<void>();
  #text = "";
  #pieces: (string | Uint8Array<ArrayBuffer>)[] = [];
  #controller: WritableStreamDefaultController | undefined;
  #isOver = false;
  #forget: () => void = () => {};
  begun = false;
  waiting = false;
  lastWrite: number = performance.now();
  place: Turn["place"];

  constructor(core: Core, type: DataType) {
    this.#core = core;
    this.#type = type;
    this.#turn.promise.catch(() => {});
  }

  open(signal: AbortSignal | undefined): void {
    if (signal?.aborted) {
      nextTurn().then(() => this.drop(signal.reason));
      return;
    }
    this.#forget = onAbort(signal, (reason) => this.abort(reason));
    this.#core.outbound.enter(this);
  }

  begin(): void {
    this.lastWrite = performance.now();
    this.#turn.resolve();
  }

  drop(error: unknown): void {
    if (this.#isOver) return;
    this.#stop(error);
    this.#controller?.error(error);
  }

  abort(reason: unknown): void {
    if (this.#isOver) return;
    this.drop(reason);
    this.#core.outbound.leave(this);
  }

  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
    const { signal } = controller;
    onAbort(signal, (reason) => {
      if (this.#isOver) return;
      this.#stop(reason);
      this.#core.outbound.leave(this);
    });
  }

  write(chunk: string | Uint8Array): Promise<void> {
    return this.#work(() => this.#gather(chunk));
  }

  close(): Promise<void> {
    return this.#work(async () => {
      const { outbound, transport } = this.#core;
      const whole = this.#type === 1
        ? this.#text + this.#decoder.decode()
        : new Uint8Array(await new Blob(this.#pieces).arrayBuffer());
      await transport.send(this.#type, whole);
      this.#stop(undefined);
      outbound.leave(this);
    });
  }

  #gather(chunk: string | Uint8Array): void {
    checkPayload(2, chunk);
    if (this.#type === 2) {
      this.#pieces.push(
        typeof chunk === "string" ? chunk : new Uint8Array(unshared(chunk)),
      );
    } else if (typeof chunk === "string") {
      // A sequence that is not complete ends here, and throws.
      this.#text += this.#decoder.decode() + chunk;
    } else {
      this.#text += this.#decoder.decode(unshared(chunk), { stream: true });
    }
  }

  async #work(step: () => void | Promise<void>): Promise<void> {
    await this.#turn.promise;
    const { outbound } = this.#core;
    try {
      outbound.checkDeadline();
      await step();
    } catch (error) {
      if (error instanceof CloseError) {
        await nextTurn();
        const gone = this.#core.gone(error);
        this.drop(gone);
        throw gone;
      }
      if (error instanceof TypeError && !this.#isOver) {
        // A stream cannot throw at once, so misuse fails the connection.
        this.drop(error);
        this.#core.fail(error, 1011);
      } else this.abort(error);
      throw error;
    } finally {
      this.lastWrite = performance.now();
    }
  }

  #stop(error: unknown): void {
    this.#isOver = true;
    this.#turn.reject(error);
    this.#forget();
    this.#pieces = [];
    this.#text = "";
  }
}
