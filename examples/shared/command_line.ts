/** What the examples share as programs: how they read their arguments, and fail. */

import process from "node:process";
import { parseArgs } from "node:util";

import { visible } from "./visible.ts";

/** Arguments that a program cannot take: its usage says which it can. */
class UsageError extends Error {}

/** A flag: `--name HINT`, or `--name` alone where it takes no value. */
export interface Flag<T> {
  readonly hint: string | undefined;
  /**
   * Makes one value of all that were given.
   *
   * @throws {UsageError} If it cannot
   */
  readonly read: (given: string[]) => T;
}

/** The flags of a program, by their names. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** What a program's flags are read to. */
export type Values<F extends Flags> = {
  readonly [Name in keyof F]: ReturnType<F[Name]["read"]>;
};

/**
 * Runs a program. What keeps it from starting is one line, and exit status 1;
 * for arguments that it cannot take it is the usage, and exit status 2.
 *
 * @param usage Its name and what it takes beside flags, such as
 * `client.ts [URL]`; where that ends in `...]`, what comes after the first is not
 * read for flags
 * @param flags Its flags
 * @param main The program; a number that it returns is its exit status
 */
export async function run<F extends Flags>(
  usage: string,
  flags: F,
  main: (values: Values<F>, operands: string[]) => Promise<number | void>,
): Promise<void> {
  try {
    const [values, operands] = readArguments(
      process.argv.slice(2),
      usage,
      flags,
    );
    process.exitCode = await main(values, operands) ?? 0;
  } catch (error) {
    const wrong = isUsageError(error);
    console.error(wrong ? usageLine(usage, flags) : visible(messageOf(error)));
    process.exitCode = wrong ? 2 : 1;
  }
}

/**
 * Does what is to be done before the end, on Ctrl-C or what supervisors send. A
 * second one ends the program at once.
 */
export function beforeExit(finish: () => Promise<unknown>): void {
  const end = async () => {
    process.off("SIGINT", end).off("SIGTERM", end);
    await finish();
    process.exit(0);
  };
  process.on("SIGINT", end).on("SIGTERM", end);
}

/**
 * Says what is wrong with the arguments.
 *
 * @throws {UsageError} If there is anything wrong
 */
export function expect(right: boolean): asserts right {
  if (!right) throw new UsageError();
}

/** A port; 0 is any free one. */
export function port(otherwise: number): Flag<number> {
  return flag("N", (text) => readWhole(text, 0, 65_535), otherwise);
}

/** A number of something, of which there must be one. */
export function count(
  otherwise: number,
  most: number = Number.MAX_SAFE_INTEGER,
  hint = "N",
): Flag<number> {
  return flag(hint, (text) => readWhole(text, 1, most), otherwise);
}

/** A text that is not empty. */
export function text<T extends string | undefined>(
  hint: string,
  otherwise: T,
): Flag<string | T> {
  return flag(hint, readText, otherwise);
}

/** Any number of texts that are not empty. */
export function texts(hint: string): Flag<string[]> {
  return { hint, read: (given) => given.map(readText) };
}

/** One of some words; the first unless it is given. */
export function choice<T extends string>(...words: [T, ...T[]]): Flag<T> {
  const read = (text: string): T => {
    const word = words.find((it) => it === text);
    expect(word !== undefined);
    return word;
  };
  return flag(words.join("|"), read, words[0]);
}

/** Whether it is given. */
export function isGiven(): Flag<boolean> {
  return { hint: undefined, read: (given) => given.length > 0 };
}

/** A flag that counts the last time that it is given. */
function flag<T, U>(
  hint: string,
  read: (text: string) => T,
  otherwise: U,
): Flag<T | U> {
  return {
    hint,
    read(given) {
      const last = given.at(-1);
      return last === undefined ? otherwise : read(last);
    },
  };
}

function readArguments<F extends Flags>(
  args: string[],
  usage: string,
  flags: F,
): [values: Values<F>, operands: string[]] {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { hint }]) => {
      const type = hint === undefined ? "boolean" : "string";
      return [name, { type, multiple: true }] as const;
    }),
  );
  const [, ...names] = usage.split(" ");
  const open = usage.endsWith("...]");
  // What follows the first operand may be another program's.
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const first = open && tokens.find(({ kind }) => kind !== "option");
  const end = first ? first.index : args.length;
  const { values, positionals } = parseArgs({
    args: args.slice(0, end),
    options,
    allowPositionals: true,
  });
  const rest = args.slice(args[end] === "--" ? end + 1 : end);
  const operands = [...positionals, ...rest];
  const least = names.filter((name) => !name.startsWith("[")).length;
  expect(operands.length >= least && (open || operands.length <= names.length));
  const read = Object.entries(flags).map(([name, { read }]) =>
    [name, read((values[name] ?? []).map(String))] as const
  );
  return [Object.fromEntries(read) as Values<F>, operands];
}

// Not by Number() alone, which takes 0x50, 1e3 and the empty string.
function readWhole(text: string, least: number, most: number): number {
  const number = Number(text);
  expect(/^\d+$/.test(text) && number >= least && number <= most);
  return number;
}

function readText(text: string): string {
  expect(text !== "");
  return text;
}

function usageLine(usage: string, flags: Flags): string {
  const [name, ...operands] = usage.split(" ");
  const named = Object.entries(flags).map(([name, { hint }]) =>
    hint === undefined ? `[--${name}]` : `[--${name} ${hint}]`
  );
  const open = usage.endsWith("...]");
  const words = open ? [...named, ...operands] : [...operands, ...named];
  return `Usage: ${[name, ...words].join(" ")}`;
}

/** Whether it is ours, or what `parseArgs` of node:util throws. */
function isUsageError(error: unknown): boolean {
  return error instanceof UsageError ||
    error instanceof Error && "code" in error &&
      String(error.code).startsWith("ERR_PARSE_ARGS");
}

/** What a failure says, which is one line once it is made visible. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
