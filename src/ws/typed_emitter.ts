/** Node's EventEmitter, with the types that `ws`'s users have of its events. */

import { EventEmitter } from "node:events";

/** What listens for events that have no types. */
// deno-lint-ignore no-explicit-any -- whatever is emitted, on whatever
export type AnyListener = (this: any, ...args: any[]) => void;

/**
 * An EventEmitter of `node:events` whose events have types: the arguments of each
 * are in `E`, by its name. Other events can be emitted as well.
 *
 * @example Usage
 * ```ts
 * import { toWs } from "@silverback/websocket/ws";
 * import { pipe } from "@silverback/websocket/testing";
 * import { once } from "node:events";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = pipe();
 * const ws = toWs(client);
 * const heard: unknown[] = [];
 * ws.on("message", (data, isBinary) => heard.push(String(data), isBinary));
 * ws.on("of my own", (value) => heard.push(value));
 * ws.emit("of my own", 1);
 * server.send("Hello");
 * await once(ws, "message");
 * assertEquals(heard, [1, "Hello", false]);
 * ws.terminate();
 * await Promise.all([once(ws, "close"), server.closed]);
 * ```
 */
export class TypedEmitter<E extends { [K in keyof E]: unknown[] }>
  extends EventEmitter {
}

/** Its methods, which it has already, with the types of its events. */
export interface TypedEmitter<E extends { [K in keyof E]: unknown[] }> {
  /**
   * Adds a listener of an event.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  on<K extends keyof E>(
    event: K,
    listener: (this: this, ...args: E[K]) => void,
  ): this;
  /**
   * Adds a listener of an event that has no types.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  on(event: string | symbol, listener: AnyListener): this;
  /**
   * Adds a listener of the next event alone.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  once<K extends keyof E>(
    event: K,
    listener: (this: this, ...args: E[K]) => void,
  ): this;
  /**
   * Adds a listener of the next event alone that has no types.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  once(event: string | symbol, listener: AnyListener): this;
  /**
   * Takes a listener off an event.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  off<K extends keyof E>(
    event: K,
    listener: (this: this, ...args: E[K]) => void,
  ): this;
  /**
   * Takes a listener off an event that has no types.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  off(event: string | symbol, listener: AnyListener): this;
  /**
   * Adds a listener of an event.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  addListener<K extends keyof E>(
    event: K,
    listener: (this: this, ...args: E[K]) => void,
  ): this;
  /**
   * Adds a listener of an event that has no types.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  addListener(event: string | symbol, listener: AnyListener): this;
  /**
   * Takes a listener off an event.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  removeListener<K extends keyof E>(
    event: K,
    listener: (this: this, ...args: E[K]) => void,
  ): this;
  /**
   * Takes a listener off an event that has no types.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  removeListener(event: string | symbol, listener: AnyListener): this;
  /**
   * Adds a listener before the others of an event.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  prependListener<K extends keyof E>(
    event: K,
    listener: (this: this, ...args: E[K]) => void,
  ): this;
  /**
   * Adds a listener before the others of an event that has no types.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  prependListener(event: string | symbol, listener: AnyListener): this;
  /**
   * Adds a listener of the next event alone, before the others of an event.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  prependOnceListener<K extends keyof E>(
    event: K,
    listener: (this: this, ...args: E[K]) => void,
  ): this;
  /**
   * Adds a listener of the next event alone, before the others of an event that has no types.
   *
   * @param event The event's name
   * @param listener The listener
   * @returns The object itself
   */
  prependOnceListener(event: string | symbol, listener: AnyListener): this;
  /**
   * Calls the listeners of an event.
   *
   * @param event The event's name
   * @param args What they are called with
   * @returns Whether there are any
   */
  emit<K extends keyof E>(event: K, ...args: E[K]): boolean;
  /**
   * Calls the listeners of an event that has no types.
   *
   * @param event The event's name
   * @param args What they are called with
   * @returns Whether there are any
   */
  emit(event: string | symbol, ...args: unknown[]): boolean;
}
