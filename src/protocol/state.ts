/**
 * Where a connection stands between its opening and closing handshakes
 * (RFC 6455, section 7.1):
 *
 * - `"open"`: both directions work;
 * - `"closeSent"`: our close frame is out; we send nothing more, and read on
 *   until the peer's comes;
 * - `"closeReceived"`: the peer's close frame has come; we read nothing more,
 *   and our own is due;
 * - `"failed"`: the connection is being failed (section 7.1.7); we read nothing
 *   more, and may send nothing but one close frame;
 * - `"closed"`: nothing is read or sent any more.
 */
export type SessionState =
  | "open"
  | "closeSent"
  | "closeReceived"
  | "failed"
  | "closed";

/**
 * Whether data frames may be sent. Behind the peer's close frame they may: a
 * message under way can be finished (RFC 6455, section 5.5.1).
 *
 * @param state The state
 * @returns Whether they may be sent
 */
export function maySendData(state: SessionState): boolean {
  return state === "open" || state === "closeReceived";
}

/**
 * Whether pings and pongs may be sent: as long as data may.
 *
 * @param state The state
 * @returns Whether they may be sent
 */
export function maySendControl(state: SessionState): boolean {
  return maySendData(state);
}

/**
 * Whether a close frame may be sent: one, in any state that has not seen it.
 *
 * @param state The state
 * @returns Whether it may be sent
 */
export function maySendClose(state: SessionState): boolean {
  return state !== "closeSent" && state !== "closed";
}

/**
 * The state behind our close frame.
 *
 * @param state The state before
 * @returns The state after
 */
export function afterCloseSent(state: SessionState): SessionState {
  return state === "open" || state === "closeSent" ? "closeSent" : "closed";
}

/**
 * The state behind the peer's close frame.
 *
 * @param state The state before
 * @returns The state after
 */
export function afterCloseReceived(state: SessionState): SessionState {
  if (state === "open") return "closeReceived";
  return state === "closeSent" ? "closed" : state;
}

/**
 * The state once the connection is failed, by this side or by a broken rule.
 *
 * @param state The state before
 * @returns The state after
 */
export function afterFailure(state: SessionState): SessionState {
  return maySendClose(state) ? "failed" : "closed";
}
