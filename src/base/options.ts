/**
 * How options are read everywhere: by name, from the object and its classes,
 * never from `Object.prototype`; and an unknown one is an error.
 */

import { nameOf } from "./user_values.ts";

/** The options that a part of the surface takes. */
export interface OptionsOf<T extends object> {
  /** What takes them, for error messages, such as `serve()`. */
  readonly what: string;
  /** How to pass one, with `…` in its place, such as `serve(onConn, { … })`. */
  readonly use: string;
  /** Their names; the type rejects a list with one missing. */
  readonly names: Readonly<Record<keyof T, true>>;
  /** Options that are objects of options. */
  readonly within?: Readonly<Record<string, Names>>;
  /** Where a misplaced option most likely belongs. */
  readonly beside?: Home;
}

/** Names of options, of any type. */
export type Names = Readonly<Record<string, true>>;

/** What takes options, of any type. */
export type Home = OptionsOf<Record<string, unknown>>;

// All that take options: a misplaced option belongs to another of them.
const homes: Home[] = [];

/** Says what to use in place of an option that is unknown. */
export type Advice = (
  name: string,
  home: Home,
  homes: readonly Home[],
) => string;

// Pages do without better advice, which is longer than what they load of it.
let advice: Advice = (_name, home) =>
  `there is no such option, use ${Object.keys(home.names).join(", ")}`;

// Nor do they look at what has none of the options.
let checkEmpty: (options: object, home: Home) => void = () => {};

/** Gives better advice from now on, and checks what has none of the options. */
export function adviseBy(better: Advice, check: typeof checkEmpty): void {
  advice = better;
  checkEmpty = check;
}

/**
 * Declares the options of a part of the surface.
 *
 * @param options What takes them, and their names
 * @returns The same object, for `readOptions`
 */
export function declareOptions<T extends object>(
  options: OptionsOf<T>,
): OptionsOf<T> {
  homes.push(options);
  return options;
}

/**
 * Reads an object of options.
 *
 * @param options What the user passed
 * @param home What takes it
 * @returns Its options, without those that are `undefined`; it has no prototype
 * @throws {TypeError} If it is not an object, has an unknown option, or is of a
 * class that has none of the options, which pages do not look at; or if `signal`
 * is no AbortSignal
 */
export function readOptions<T extends object>(
  options: T | undefined,
  home: OptionsOf<NoInfer<T>>,
): T {
  const read: Record<string, unknown> = Object.create(null);
  if (options === undefined) return read as T;
  checkObject(options, home.what);
  let isEmpty = true;
  for (
    let part: object | null = options;
    part !== null && part !== Object.prototype;
    part = Object.getPrototypeOf(part)
  ) {
    for (const name of Object.getOwnPropertyNames(part)) {
      if (Object.hasOwn(read, name)) continue;
      const known = Object.hasOwn(home.names, name);
      // The methods and the constructor of a class are not options.
      if (!known && !Object.prototype.propertyIsEnumerable.call(part, name)) {
        continue;
      }
      isEmpty = false;
      const value = (options as Record<string, unknown>)[name];
      if (value === undefined) continue;
      if (!known) throw unknownOption(name, home);
      // The same everywhere: what waits can be given up.
      if (name === "signal") checkSignal(value);
      read[name] = value;
    }
  }
  if (isEmpty) checkEmpty(options, home);
  return read as T;
}

// By its shape, as another realm's or a polyfill's will do.
function checkSignal(value: unknown): void {
  const signal = value as Partial<AbortSignal> | null;
  if (
    typeof signal?.aborted === "boolean" &&
    typeof signal.addEventListener === "function"
  ) return;
  throw new TypeError(
    `Cannot use option signal: it must be an AbortSignal, got ${nameOf(value)}`,
  );
}

function checkObject(options: unknown, what: string): void {
  if (
    typeof options === "object" && options !== null && !Array.isArray(options)
  ) return;
  throw new TypeError(
    `Cannot use the options of ${what}: they must be an object, got ${
      nameOf(options)
    }`,
  );
}

function unknownOption(name: string, home: Home): TypeError {
  const shown = /^[\w$]{1,64}$/.test(name)
    ? name
    : JSON.stringify(name.slice(0, 64));
  return new TypeError(
    `Cannot use option ${shown} of ${home.what}: ${advice(name, home, homes)}`,
  );
}
