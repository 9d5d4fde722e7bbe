/**
 * The events that `addEventListener()` and `onmessage` of `ws` hand over, and the
 * listeners of node's that make them.
 */

import type { Buffer } from "node:buffer";

import type { RawData } from "./data.ts";
import type { WebSocket } from "./websocket.ts";

/** An event, as `ws` has them; of an `open`, nothing more. */
export interface Event {
  /** The event's name. */
  readonly type: string;
  /** The object that it is of. */
  readonly target: WebSocket;
}

/** The event of a message. */
export interface MessageEvent extends Event {
  /** Text, or bytes as `binaryType` says. */
  readonly data: string | RawData;
}

/** The event of an end. */
export interface CloseEvent extends Event {
  /** The peer's code, 1005 without one, 1006 where there was no close frame. */
  readonly code: number;
  /** The peer's reason. */
  readonly reason: string;
  /** Whether both close frames were there. */
  readonly wasClean: boolean;
}

/** The event of a failure. */
export interface ErrorEvent extends Event {
  /** What failed. */
  readonly error: unknown;
  /** Its message. */
  readonly message: string;
}

/** The events that `addEventListener()` knows, by their names. */
export interface WebSocketEventMap {
  /** The connection has been made. */
  open: Event;
  /** A message has come. */
  message: MessageEvent;
  /** The connection is over. */
  close: CloseEvent;
  /** The connection has failed. */
  error: ErrorEvent;
}

/** How `addEventListener()` adds a listener. */
export interface EventListenerOptions {
  /**
   * Whether it is for one event.
   *
   * @default {false}
   */
  once?: boolean | undefined;
}

/** What `addEventListener()` takes as a listener of such an event. */
export type WsListener<E = never> = ((event: E) => void) | {
  handleEvent(event: E): void;
};

/** The objects whose connections have ended by both close frames. */
export const endedCleanly: WeakSet<object> = new WeakSet();

interface Wrapped {
  readonly handler: unknown;
  /** Whether it is that of `onmessage` and the like. */
  readonly isAttribute: boolean;
}

// By the listener that node knows.
const wrapped: WeakMap<object, Wrapped> = new WeakMap();

/**
 * The handler of an attribute such as `onmessage`.
 *
 * @param target The object
 * @param type The event's name
 * @returns The handler, or `null`
 */
export function getHandler(target: WebSocket, type: string): unknown {
  for (const listener of target.listeners(type)) {
    const found = wrapped.get(listener);
    if (found?.isAttribute) return found.handler;
  }
  return null;
}

/**
 * Sets the handler of an attribute; what is no function takes it off.
 *
 * @param target The object
 * @param type The event's name
 * @param handler The handler
 */
export function setHandler(
  target: WebSocket,
  type: string,
  handler: unknown,
): void {
  for (const listener of target.listeners(type)) {
    if (!wrapped.get(listener)?.isAttribute) continue;
    target.removeListener(type, listener as () => void);
    break;
  }
  if (typeof handler !== "function") return;
  target.on(type, wrap(target, type, handler as WsListener, true)!);
}

/**
 * Adds a listener; the same one only once, and for the four events of browsers
 * only.
 *
 * @param target The object
 * @param type The event's name
 * @param handler The listener
 * @param once Whether it is for one event
 */
export function addListener(
  target: WebSocket,
  type: string,
  handler: WsListener,
  once: boolean,
): void {
  if (find(target, type, handler) !== undefined) return;
  const listener = wrap(target, type, handler, false);
  if (listener === undefined) return;
  if (once) target.once(type, listener);
  else target.on(type, listener);
}

/** Takes a listener off. */
export function removeListener(
  target: WebSocket,
  type: string,
  handler: unknown,
): void {
  const listener = find(target, type, handler);
  if (listener !== undefined) target.removeListener(type, listener);
}

function find(
  target: WebSocket,
  type: string,
  handler: unknown,
): (() => void) | undefined {
  return target.listeners(type).find((listener) => {
    const found = wrapped.get(listener);
    return found?.handler === handler && !found?.isAttribute;
  }) as (() => void) | undefined;
}

// deno-lint-ignore no-explicit-any -- node's listeners take whatever is emitted
type Listener = (...args: any[]) => void;

function wrap(
  target: WebSocket,
  type: string,
  handler: WsListener,
  isAttribute: boolean,
): Listener | undefined {
  const make = eventOf(target, type);
  if (make === undefined) return undefined;
  const listener: Listener = (...args) => {
    const event = make(...args) as never;
    if (typeof handler === "function") handler.call(target, event);
    else handler.handleEvent(event);
  };
  wrapped.set(listener, { handler, isAttribute });
  return listener;
}

function eventOf(
  target: WebSocket,
  type: string,
  // deno-lint-ignore no-explicit-any -- whatever is emitted
): ((...args: any[]) => Event) | undefined {
  switch (type) {
    case "open":
      return () => ({ type, target });
    case "message":
      return (data: RawData, isBinary: boolean): MessageEvent => ({
        type,
        target,
        data: isBinary ? data : String(data),
      });
    case "close":
      return (code: number, reason: Buffer): CloseEvent => ({
        type,
        target,
        code,
        reason: String(reason),
        wasClean: endedCleanly.has(target),
      });
    case "error":
      return (error: Error): ErrorEvent => ({
        type,
        target,
        error,
        message: error.message,
      });
    default:
      return undefined;
  }
}
