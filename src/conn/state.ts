/**
 * Where a connection stands, as its user sees it (RFC 6455, section 7.1): one
 * value, and the events that move it. Others ask the predicates below.
 *
 * | state           | close       | sent        | received        | cut      | fail     |
 * | --------------- | ----------- | ----------- | --------------- | -------- | -------- |
 * | `open`          | `closing`   | `closeSent` | `closeReceived` | `cut`    | `failed` |
 * | `closing`       | -           | `closeSent` | `answering`     | `cut`    | `failed` |
 * | `closeSent`     | -           | -           | `shaken`        | `cut`    | `failed` |
 * | `closeReceived` | `answering` | `shaken`    | -               | `cut`    | `failed` |
 * | `answering`     | -           | `shaken`    | -               | `cut`    | `failed` |
 * | `shaken`        | -           | -           | -               | -        | `failed` |
 * | `cut`           | -           | -           | -               | -        | `failed` |
 *
 * `closed` follows each of them on `over`; nothing else moves `failed` and
 * `closed`.
 *
 * - `closing`: this side closes; its close frame waits for queued messages;
 * - `closeSent`: this side's close frame went to the transport, the peer's has
 *   not come;
 * - `closeReceived`: the peer's has come, and nobody has answered it;
 * - `answering`: the peer's has come, and this side's waits for queued
 *   messages;
 * - `shaken`: both have been sent, the closing handshake is done;
 * - `cut`: by this side, without a closing handshake;
 * - `failed`: by this side, for a reason (section 7.1.7).
 */
export type State =
  | "open"
  | "closing"
  | "closeSent"
  | "closeReceived"
  | "answering"
  | "shaken"
  | "cut"
  | "failed"
  | "closed";

/**
 * What moves a connection from one state to another; `over` leads to `closed`.
 */
export type Event = "close" | "sent" | "received" | "cut" | "fail" | "over";

const MOVES: Record<State, Partial<Record<Event, State>>> = {
  open: {
    close: "closing",
    sent: "closeSent",
    received: "closeReceived",
    cut: "cut",
    fail: "failed",
  },
  closing: {
    sent: "closeSent",
    received: "answering",
    cut: "cut",
    fail: "failed",
  },
  closeSent: { received: "shaken", cut: "cut", fail: "failed" },
  closeReceived: {
    close: "answering",
    sent: "shaken",
    cut: "cut",
    fail: "failed",
  },
  answering: { sent: "shaken", cut: "cut", fail: "failed" },
  shaken: { fail: "failed" },
  cut: { fail: "failed" },
  failed: {},
  closed: {},
};

/**
 * The state after an event.
 *
 * @param state The state before
 * @param event What has happened
 * @returns The state after it; the same if the event does not move it
 */
export function after(state: State, event: Event): State {
  return event === "over" ? "closed" : MOVES[state][event] ?? state;
}

/** Whether this side may still send a close frame of its own choice. */
export function mayClose(state: State): boolean {
  return state === "open" || state === "closeReceived";
}

/**
 * Whether the connection can still be failed: only the first failure counts.
 */
export function mayFail(state: State): boolean {
  return state !== "failed" && state !== "closed";
}
