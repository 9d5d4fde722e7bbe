/** Runs while `Object.prototype` has a property. */
export async function polluted<T>(
  name: string,
  value: unknown,
  run: () => T | Promise<T>,
): Promise<T> {
  Object.defineProperty(Object.prototype, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: true,
  });
  try {
    return await run();
  } finally {
    delete (Object.prototype as Record<string, unknown>)[name];
  }
}
