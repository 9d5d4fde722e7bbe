/** How many connections an address may have at a time. */

import { formatIP } from "../base/ip.ts";
import type { Addr } from "../transport/transport.ts";
import { ipOf } from "./client_addr.ts";
import { shown } from "../base/user_values.ts";

/**
 * Counts the connections of each address. IPv6 is counted by /64, the least
 * that a provider gives to one customer.
 */
export class AddressLimit {
  readonly #most: number;
  readonly #counts: Map<string, number> = new Map();

  /**
   * Makes a count of nobody.
   *
   * @param most Connections of one address
   */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Takes a place for a connection.
   *
   * @param addr The client's address
   * @returns Gives the place back, once however often it is called; `undefined`
   * if the address has no place left. One that is no IP address, such as a unix
   * socket's, always has
   */
  take(addr: Addr | undefined): (() => void) | undefined {
    const key = keyOf(addr);
    if (key === undefined) return () => {};
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#most) return undefined;
    this.#counts.set(key, count + 1);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      const left = this.#counts.get(key)! - 1;
      // Who has gone leaves nothing behind.
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
    };
  }
}

function keyOf(addr: Addr | undefined): string | undefined {
  const ip = ipOf(addr);
  if (ip === undefined) return undefined;
  return ip.length === 4 ? formatIP(ip) : formatIP(ip.slice().fill(0, 8));
}

/**
 * Checks an option that is a number of connections.
 *
 * @param name The option's name
 * @param count The option
 * @returns The same
 * @throws {TypeError} If it is not a number
 * @throws {RangeError} If it is not positive
 */
export function checkMost(name: string, count: unknown): number {
  if (typeof count !== "number") {
    throw new TypeError(
      `Cannot use ${name}: it must be a number, got ${typeof count}`,
    );
  }
  if (count !== Infinity && !(Number.isSafeInteger(count) && count > 0)) {
    throw new RangeError(
      `Cannot use ${name} ${
        shown(count)
      }: it must be a positive number of connections, or Infinity for any`,
    );
  }
  return count;
}
