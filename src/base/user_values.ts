/**
 * Safe ways to inspect what user code throws, returns and passes: `instanceof`
 * throws on a revoked proxy, and any property may be a getter that throws.
 */

/**
 * Whether a value is an instance of a class; `false` if it throws when
 * inspected.
 *
 * @param value Any value
 * @param type The class
 * @returns Whether it is one
 */
export function isInstance<T>(
  value: unknown,
  type: abstract new (...args: never) => T,
): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/**
 * Makes an error of what was thrown.
 *
 * @param thrown Any value
 * @param message The message of our error, if it was not one
 * @returns The error itself, or ours with the value as its cause
 */
export function toError(thrown: unknown, message: string): Error {
  return isInstance(thrown, Error)
    ? thrown
    : new Error(message, { cause: thrown });
}

/**
 * A text property of whatever was thrown.
 *
 * @param value Any value
 * @param name The property
 * @returns The text, or `undefined` if it has none, or throws when inspected
 */
export function textProperty(value: unknown, name: string): string | undefined {
  try {
    const text = (value as Record<string, unknown> | null | undefined)?.[name];
    return typeof text === "string" && text !== "" ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Waits for what user code returned. A thenable's own `then` need not return a
 * promise, so nothing is chained to it.
 *
 * @param value Any value
 * @returns Fulfils when it has fulfilled; rejects as it does
 */
export async function settled(value: unknown): Promise<void> {
  await value;
}

/**
 * The bytes, or a copy of them if threads share their memory: others could
 * change it while it is being sent, and some APIs refuse it.
 *
 * @param bytes The bytes
 * @returns Bytes of an `ArrayBuffer`
 */
export function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // Pages that are not isolated have no such class.
  return typeof SharedArrayBuffer === "function" &&
      bytes.buffer instanceof SharedArrayBuffer
    ? new Uint8Array(bytes)
    : bytes as Uint8Array<ArrayBuffer>;
}

/**
 * A value for the message of an error that wants a number: `"1000"` and
 * `String` of an object would look like one, and some have no text.
 *
 * @param value Any value
 * @returns A number as it is, a string in quotes, or the name of its class or
 * type
 */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "number" ? `${value}` : nameOf(value);
}

/**
 * What kind of value this is, for error messages.
 *
 * @param value Any value
 * @returns The name of its class or type
 */
export function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  try {
    return value.constructor?.name ?? "object";
  } catch {
    return "object";
  }
}

/**
 * Refuses bytes whose memory has been transferred away: they have become empty,
 * and would be sent as such.
 *
 * @param bytes The bytes
 * @param action What is done with them, for the error's message
 * @throws {TypeError} If their buffer is detached
 */
export function checkAttached(bytes: Uint8Array, action: string): void {
  // To look at the buffer costs more than to look at the length.
  if (bytes.length === 0 && (bytes.buffer as ArrayBuffer).detached) {
    throw new TypeError(
      `Cannot ${action}: its bytes have been transferred away, send a copy`,
    );
  }
}
