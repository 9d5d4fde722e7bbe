import { assertEquals } from "@std/assert";
import {
  afterCloseReceived,
  afterCloseSent,
  afterFailure,
  maySendClose,
  maySendControl,
  maySendData,
  type SessionState,
} from "../../src/protocol/state.ts";
import { test } from "../helper.ts";

const STATES: readonly SessionState[] = [
  "open",
  "closeSent",
  "closeReceived",
  "failed",
  "closed",
];

function where(predicate: (state: SessionState) => boolean): SessionState[] {
  return STATES.filter(predicate);
}

test("maySendData() holds until our close frame or a failure", () => {
  assertEquals(where(maySendData), ["open", "closeReceived"]);
  assertEquals(where(maySendControl), ["open", "closeReceived"]);
});

test("maySendClose() holds until our close frame", () => {
  assertEquals(where(maySendClose), ["open", "closeReceived", "failed"]);
});

test("afterCloseSent(), afterCloseReceived() and afterFailure() lead on", () => {
  const table: Record<SessionState, SessionState[]> = {
    open: ["closeSent", "closeReceived", "failed"],
    closeSent: ["closeSent", "closed", "closed"],
    closeReceived: ["closed", "closeReceived", "failed"],
    failed: ["closed", "failed", "failed"],
    closed: ["closed", "closed", "closed"],
  };
  for (const state of STATES) {
    assertEquals([
      afterCloseSent(state),
      afterCloseReceived(state),
      afterFailure(state),
    ], table[state]);
  }
});
