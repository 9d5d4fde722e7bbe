import type { Core } from "./core.ts";
import { closeErrorOf, isExpectedEnd } from "./ending.ts";
import { controlPayload } from "./payload.ts";
import { handled, onAbort } from "./promises.ts";

/** The messages that come, as a stream: one chunk a message. */
export function messageReadable(
  core: Core,
): ReadableStream<string | Uint8Array<ArrayBuffer>> {
  return new ReadableStream<string | Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      try {
        controller.enqueue((await core.inbound.readMessage()).data);
      } catch (error) {
        if (!(error instanceof Error && isExpectedEnd(error))) throw error;
        controller.close();
      }
    },
    cancel: async () => {
      await core.close(1000, "", core.settings.closeTimeout);
    },
  }, { highWaterMark: 0 });
}

/** The messages that go, as a stream: one message a chunk. */
export function messageWritable(
  core: Core,
): WritableStream<string | Uint8Array> {
  return new WritableStream<string | Uint8Array>({
    start: (controller) => {
      // The stream itself would wait for the write that is under way.
      controller.signal.addEventListener("abort", () => core.terminate(), {
        once: true,
      });
      // Whoever waits for room learns of the end.
      core.ending.closed.then((info) => {
        const error = closeErrorOf(info);
        // A pipe from `readable` shall see its end first: then it closes.
        if (isExpectedEnd(error)) setImmediate(() => controller.error(error));
        else controller.error(error);
      });
    },
    write: (chunk) =>
      core.outbound.send(typeof chunk === "string" ? 1 : 2, chunk),
    close: async () => {
      await core.close(1000, "", core.settings.closeTimeout);
    },
    abort: () => core.terminate(),
  });
}

/** A control message that is written in pieces: it goes out, whole, at the end. */
export function controlWritable(
  send: (payload: Uint8Array<ArrayBuffer>) => Promise<void>,
  signal: AbortSignal | undefined,
): WritableStream<string | Uint8Array> {
  let payload: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let forget: (() => void) | undefined;
  return new WritableStream<string | Uint8Array>({
    start: (controller) => {
      if (signal?.aborted) controller.error(signal.reason);
      else forget = onAbort(signal, (reason) => controller.error(reason));
    },
    write: (chunk) => {
      try {
        const piece = controlPayload(chunk);
        const joined = new Uint8Array(payload.length + piece.length);
        joined.set(payload);
        joined.set(piece, payload.length);
        payload = controlPayload(joined);
      } catch (error) {
        forget?.();
        throw error;
      }
    },
    close: () => {
      forget?.();
      return handled(send(payload));
    },
    abort: () => forget?.(),
  });
}
