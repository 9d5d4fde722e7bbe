import type { Core } from "./core.ts";
import { endOf, isExpectedEnd } from "./ending.ts";
import type { StreamRead } from "./inbound.ts";
import { soon } from "../base/turns.ts";
import { QuietReadable, QuietWritable } from "./quiet_streams.ts";

/** Incoming messages as a stream, one chunk for each. */
export function messageReadable(
  core: Core,
): ReadableStream<string | Uint8Array<ArrayBuffer>> {
  let reading: StreamRead = { withdrawn: false };
  const withdraw = () => core.inbound.withdrawInLine(reading);
  return new QuietReadable<string | Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      reading = { withdrawn: false };
      try {
        const message = await core.inbound.readInLine(reading);
        if (message !== undefined) controller.enqueue(message.data);
      } catch (error) {
        if (!isExpectedEnd(error)) throw error;
        controller.close();
      }
    },
    cancel: async () => {
      withdraw();
      await core.close(1000, "", undefined);
    },
  }, withdraw);
}

/** Outgoing messages as a stream, one for each chunk. */
export function messageWritable(
  core: Core,
): WritableStream<string | Uint8Array> {
  return new QuietWritable<string | Uint8Array>({
    start: (controller) => {
      // A sink's `abort` would wait until the write under way has settled.
      controller.signal.addEventListener("abort", () => core.terminate(), {
        once: true,
      });
      // Whoever waits for room must see the end; a turn later, as a pipe from
      // `readable` must see it first, so that it closes.
      core.ending.closed.then((info) =>
        soon(() => controller.error(endOf(info).error))
      );
    },
    write: (chunk) => {
      try {
        return core.outbound.send(typeof chunk === "string" ? 1 : 2, chunk);
      } catch (error) {
        // A stream cannot throw at once, so misuse fails the connection.
        core.fail(error as Error, 1011);
        throw error;
      }
    },
    close: async () => {
      await core.close(1000, "", undefined);
    },
  });
}
