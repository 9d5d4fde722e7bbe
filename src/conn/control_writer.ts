import type { Core } from "./core.ts";
import { endOf } from "./ending.ts";
import { controlPayload } from "./payload.ts";
import { onAbort, rejected } from "./promises.ts";
import { QuietWritable } from "./quiet_streams.ts";

/** A control message that is written in pieces and sent whole at the end. */
export function controlWritable(
  core: Core,
  send: (payload: Uint8Array<ArrayBuffer>) => Promise<void>,
  signal: AbortSignal | undefined,
): WritableStream<string | Uint8Array> {
  let payload: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let forget = () => {};
  // A stream cannot throw at once, so misuse fails the connection.
  const fail = (error: unknown): never => {
    forget();
    core.fail(error as Error, 1011);
    throw error;
  };
  return new QuietWritable<string | Uint8Array>({
    start: (controller): Promise<void> | undefined => {
      if (signal?.aborted) return rejected(signal.reason);
      forget = onAbort(signal, (reason) => controller.error(reason));
      // The end also reaches a writer that is never closed.
      core.ending.closed.then((info) => {
        forget();
        controller.error(endOf(info).error);
      });
      return undefined;
    },
    write: (chunk) => {
      try {
        const piece = controlPayload(chunk);
        const joined = new Uint8Array(payload.length + piece.length);
        joined.set(payload);
        joined.set(piece, payload.length);
        payload = controlPayload(joined);
      } catch (error) {
        fail(error);
      }
    },
    close: () => {
      forget();
      try {
        return send(payload);
      } catch (error) {
        return fail(error);
      }
    },
    abort: () => forget(),
  });
}
