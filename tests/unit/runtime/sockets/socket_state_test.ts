import { assertEquals } from "@std/assert";
import {
  after,
  hasEnded,
  isClosed,
  isDestroyed,
  type SocketEvent,
  type SocketState,
} from "../../../../src/runtime/sockets/socket_state.ts";
import { test } from "../../../support/helper.ts";

/** Where events lead, and what the predicates say there. */
const PATHS: [SocketEvent[], [boolean, boolean, boolean]][] = [
  [[], [false, false, false]],
  [["end"], [true, false, false]],
  [["end", "end", "close"], [true, false, true]],
  [["close", "end"], [true, false, true]],
  [["close"], [false, false, true]],
  [["destroy"], [false, true, false]],
  [["end", "destroy"], [false, true, false]],
  [["destroy", "end", "close"], [false, true, true]],
  [["close", "destroy"], [false, true, true]],
  [["end", "close", "destroy", "end"], [false, true, true]],
];

for (const [events, expected] of PATHS) {
  test(`after() moves a socket by ${events.join(", ") || "nothing"}`, () => {
    const state = events.reduce<SocketState>(after, "open");
    assertEquals(
      [hasEnded(state), isDestroyed(state), isClosed(state)],
      expected,
    );
  });
}
