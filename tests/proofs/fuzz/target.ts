import type { Random } from "./random.ts";

/** What is wrong with what came of an input; `undefined` if nothing is. */
export type Fault = string | undefined;

/** What is fuzzed, and what must hold of it. */
export interface Target {
  /** A word. */
  readonly name: string;
  /** What is fuzzed, in a line. */
  readonly about: string;
  /** How many bytes at the front of an input are its settings. */
  readonly settings: number;
  /** Makes an input. All that is random in it comes from here. */
  generate(random: Random): Uint8Array<ArrayBuffer>;
  /**
   * Tries an input, which stays unchanged. The text before the first colon
   * names the kind of fault. Whatever it throws is a fault as well.
   */
  check(input: Uint8Array<ArrayBuffer>): Fault | Promise<Fault>;
  /** Smaller inputs that the shrinker would not come upon. */
  smaller?(
    input: Uint8Array<ArrayBuffer>,
  ): Iterable<Uint8Array<ArrayBuffer>>;
  /** What the input means, for people. */
  describe(input: Uint8Array<ArrayBuffer>): string;
}
