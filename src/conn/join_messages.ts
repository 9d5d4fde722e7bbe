import type { Conn } from "./conn.ts";
import { isExpectedEnd } from "./ending.ts";

/**
 * Joins the messages of a connection, as they come, to one stream of bytes (gorilla's `JoinMessages`). The stream closes where
 * the iterator of the connection ends, and errors where that throws; canceling it leaves the connection open.
 *
 * @param conn The connection, which nothing else may read meanwhile
 * @param term What to put behind each message
 * @returns The stream; text as UTF-8
 *
 * @example Usage
 * ```ts
 * import { joinMessages } from "@silverback/websocket";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const [alice, bob] = pipe();
 * alice.send("one");
 * alice.send("two");
 * alice.close();
 * assertEquals(await new Response(joinMessages(bob, "\n")).text(), "one\ntwo\n");
 * ```
 */
export function joinMessages(
  conn: Conn,
  term: string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const terminator = new TextEncoder().encode(term);
  const canceled = new AbortController();
  const { signal } = canceled;
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      while (true) {
        if (reader === undefined) {
          try {
            reader = (await conn.nextReader({ signal })).readable.getReader();
          } catch (error) {
            if (!(error instanceof Error && isExpectedEnd(error))) throw error;
            return controller.close();
          }
        }
        const { value, done } = await reader.read();
        if (!done) return controller.enqueue(value);
        reader = undefined;
        if (terminator.length > 0) {
          return controller.enqueue(terminator.slice());
        }
      }
    },
    cancel: async () => {
      // A read that waits would take the next message away.
      canceled.abort();
      await reader?.cancel();
    },
  }, { highWaterMark: 0 });
}
