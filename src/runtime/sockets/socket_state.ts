/**
 * Where a socket stands: one value, and the events that move it.
 *
 * | state             | end           | destroy           | close             |
 * | ----------------- | ------------- | ----------------- | ----------------- |
 * | `open`            | `ended`       | `destroyed`       | `closed`          |
 * | `ended`           | -             | `destroyed`       | `endedClosed`     |
 * | `destroyed`       | -             | -                 | `destroyedClosed` |
 * | `closed`          | `endedClosed` | `destroyedClosed` | -                 |
 * | `endedClosed`     | -             | `destroyedClosed` | -                 |
 * | `destroyedClosed` | -             | -                 | -                 |
 *
 * - `end`: the peer's FIN has come, so there is nothing more to read;
 * - `destroy`: this side has cut the connection. Bun reports an `end` for that,
 *   and either runtime may report an error: neither is the peer's;
 * - `close`: the socket is gone, and nothing can be written any more. What came
 *   before is still delivered to a receiver that starts only now.
 */
export type SocketState =
  | "open"
  | "ended"
  | "destroyed"
  | "closed"
  | "endedClosed"
  | "destroyedClosed";

/** What moves a socket from one state to another. */
export type SocketEvent = "end" | "destroy" | "close";

const MOVES: Record<SocketState, Partial<Record<SocketEvent, SocketState>>> = {
  open: { end: "ended", destroy: "destroyed", close: "closed" },
  ended: { destroy: "destroyed", close: "endedClosed" },
  destroyed: { close: "destroyedClosed" },
  closed: { end: "endedClosed", destroy: "destroyedClosed" },
  endedClosed: { destroy: "destroyedClosed" },
  destroyedClosed: {},
};

/** The state after an event; the same if the event does not move it. */
export function after(state: SocketState, event: SocketEvent): SocketState {
  return MOVES[state][event] ?? state;
}

/**
 * Whether the peer has ended its side, and this side has not cut the socket.
 */
export function hasEnded(state: SocketState): boolean {
  return state === "ended" || state === "endedClosed";
}

/** Whether this side has cut the socket. */
export function isDestroyed(state: SocketState): boolean {
  return state === "destroyed" || state === "destroyedClosed";
}

/** Whether the socket is gone. */
export function isClosed(state: SocketState): boolean {
  return state === "closed" || state === "endedClosed" ||
    state === "destroyedClosed";
}
