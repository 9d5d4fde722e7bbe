import { brandOf } from "../base/brands.ts";
import type { Conn } from "./conn.ts";
import { isExpectedEnd } from "./ending.ts";
import type { Inbound, StreamRead } from "./inbound.ts";
import { nameOf } from "../base/user_values.ts";
import { QuietReadable } from "./quiet_streams.ts";

/**
 * Joins the messages of a connection into one stream of bytes (gorilla's
 * `JoinMessages`). The stream closes where iterating over the connection would
 * end, and errors where that would throw; canceling it leaves the connection
 * open.
 *
 * @param conn The connection; nothing else may read from it meanwhile
 * @param term What to put after each message
 * @returns The stream, with text as UTF-8
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
 * await Promise.all([alice.closed, bob.closed]);
 * ```
 */
export function joinMessages(
  conn: Conn,
  term: string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  // Each copy of the package has Conns of its own, which know how to do it.
  const join = (conn as unknown as Partial<Joinable> | null | undefined)
    ?.[JOIN];
  if (typeof join === "function") return join.call(conn, term);
  throw new TypeError(`Cannot join messages of ${nameOf(conn)}: use a Conn`);
}

/** What a Conn has under {@linkcode JOIN}. */
interface Joinable {
  [JOIN](term: string): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** The key of a Conn's own way to join its messages, in every copy. */
export const JOIN: unique symbol = brandOf("Conn.join") as never;

/** The messages of the reading side of a connection, joined. */
export function joined(
  inbound: Inbound,
  term: string,
  canceled?: () => Promise<void>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const terminator = new TextEncoder().encode(term);
  let reading: StreamRead = { withdrawn: false };
  const withdraw = () => inbound.withdrawInLine(reading);
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return new QuietReadable<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      while (true) {
        if (reader === undefined) {
          reading = { withdrawn: false };
          try {
            const next = await inbound.readInLine(reading, "reader");
            if (next === undefined) return;
            reader = next.readable.getReader();
          } catch (error) {
            if (!isExpectedEnd(error)) throw error;
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
      withdraw();
      await reader?.cancel();
      await canceled?.();
    },
  }, withdraw);
}
