/**
 * The types of what the tests use of `@std/assert`, for runs without JSR: the
 * npm package that stands in for it has none. A name that is missing here is a
 * type error in such a run; add it.
 */

// deno-lint-ignore-file no-explicit-any -- as the module itself has it

type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** What a failed assertion throws. */
export declare class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions);
}

export declare function assert(value: unknown, message?: string): asserts value;
export declare function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void;
export declare function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  message?: string,
): void;
export declare function assertEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export declare function assertExists<T>(
  value: T,
  message?: string,
): asserts value is NonNullable<T>;
export declare function assertFalse(
  value: unknown,
  message?: string,
): asserts value is false | 0 | 0n | "" | null | undefined;
export declare function assertGreater<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export declare function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export declare function assertInstanceOf<
  T extends abstract new (...args: any[]) => any,
>(
  value: unknown,
  expected: T,
  message?: string,
): asserts value is InstanceType<T>;
export declare function assertIsError<E extends Error = Error>(
  error: unknown,
  expected?: ErrorClass<E>,
  messageMatches?: string | RegExp,
  message?: string,
): asserts error is E;
export declare function assertLess<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export declare function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export declare function assertMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void;
export declare function assertNotEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export declare function assertNotMatch(
  actual: string,
  expected: RegExp,
  message?: string,
): void;
export declare function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  message?: string,
): void;
export declare function assertObjectMatch(
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  message?: string,
): void;
export declare function assertRejects(
  fn: () => PromiseLike<unknown>,
  message?: string,
): Promise<unknown>;
export declare function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  expected: ErrorClass<E>,
  messageIncludes?: string,
  message?: string,
): Promise<E>;
export declare function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T;
export declare function assertStringIncludes(
  actual: string,
  expected: string,
  message?: string,
): void;
export declare function assertThrows(
  fn: () => unknown,
  message?: string,
): unknown;
export declare function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  expected: ErrorClass<E>,
  messageIncludes?: string,
  message?: string,
): E;
export declare function equal(a: unknown, b: unknown): boolean;
export declare function fail(message?: string): never;
export declare function unreachable(reason?: string): never;
