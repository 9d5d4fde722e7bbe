import { isExpectedEnd } from "./inbound.ts";
import type { Core } from "./core.ts";
import { closeErrorOf } from "./ending.ts";
import { handled } from "./promises.ts";

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
      // Whoever waits for room learns of the end.
      core.ending.closed.then((info) => controller.error(closeErrorOf(info)));
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
): WritableStream<string | Uint8Array> {
  const encoder = new TextEncoder();
  let payload: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  return new WritableStream<string | Uint8Array>({
    write: (chunk) => {
      if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) {
        throw new TypeError(
          "Cannot send control message: a chunk must be a string or a Uint8Array",
        );
      }
      const piece = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
      const size = payload.length + piece.length;
      // RFC 6455, section 5.5
      if (size > 125) {
        throw new RangeError(
          `Cannot send control frame of ${size} bytes: the limit is 125`,
        );
      }
      const joined = new Uint8Array(size);
      joined.set(payload);
      joined.set(piece, payload.length);
      payload = joined;
    },
    close: () => handled(send(payload)),
  });
}
