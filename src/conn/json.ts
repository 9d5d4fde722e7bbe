import { InvalidMessageError } from "../errors.ts";
import type { Message } from "../message.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import type { Core } from "./core.ts";
import { MessageIterator } from "./message_iterator.ts";
import { nameOf } from "../base/user_values.ts";

/** What is wrong with a value, by a {@linkcode StandardSchema}. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where: the keys that lead there, or objects with such a `key`. */
  readonly path?:
    | readonly (PropertyKey | { readonly key: PropertyKey })[]
    | undefined;
}

/**
 * A validator, as zod, valibot, arktype and others have it: the Standard Schema
 * (https://standardschema.dev), of which nothing but `validate` is used.
 *
 * @typeParam Output What a valid value is given as
 */
export interface StandardSchema<Output = unknown> {
  /** The part that all of them have. */
  readonly "~standard": {
    /**
     * Validates a value.
     *
     * @param value Any value
     * @returns The value, as it is given out, or what is wrong with it
     */
    readonly validate: (value: unknown) =>
      | SchemaResult<Output>
      | Promise<SchemaResult<Output>>;
  };
}

/** What a {@linkcode StandardSchema} says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Options of `Conn.json`. */
export interface JSONOptions {
  /**
   * What is done with a message that is no JSON, or that the schema refuses; the loop
   * goes on with the next one. What it throws, the loop throws. Default: the
   * connection is failed with code 1007, and the loop throws the error.
   *
   * @param error A `SyntaxError`, or an `InvalidMessageError` with the issues
   * @param message The message
   */
  readonly onInvalid?: (
    error: SyntaxError | InvalidMessageError,
    message: Message,
  ) => void | Promise<void>;
}

const JSON_OPTIONS: OptionsOf<JSONOptions> = declareOptions({
  what: "json()",
  use: "conn.json(schema, { … })",
  names: { onInvalid: true },
});

/**
 * The value of a JSON text. A byte order mark at its beginning is ignored, as RFC
 * 8259, section 8.1, allows, and as the platform's `Response.json()` does.
 *
 * @param text The text
 * @returns The value
 * @throws {SyntaxError} If it is not JSON
 */
export function parseJSON(text: string): unknown {
  return JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text);
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The value of a message, of either type. */
export function jsonOf({ data }: Message): unknown {
  return parseJSON(typeof data === "string" ? data : decoder.decode(data));
}

/** The iterator over the values of a connection's messages. */
export class JSONIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #core: Core;
  readonly #messages: MessageIterator;
  readonly #schema: StandardSchema<T> | undefined;
  readonly #onInvalid: JSONOptions["onInvalid"];

  /**
   * Makes the iterator.
   *
   * @param core The connection
   * @param schema What validates, if anything does
   * @param options What is done with invalid messages
   * @throws {TypeError} If the schema is none, or an option is unknown
   */
  constructor(
    core: Core,
    schema: StandardSchema<T> | undefined,
    options: JSONOptions | undefined,
  ) {
    if (
      schema !== undefined &&
      typeof schema?.["~standard"]?.validate !== "function"
    ) {
      throw new TypeError(
        `Cannot validate with ${
          nameOf(schema)
        }: it must be a Standard Schema; options are the second argument`,
      );
    }
    const { onInvalid } = readOptions(options, JSON_OPTIONS);
    if (onInvalid !== undefined && typeof onInvalid !== "function") {
      throw new TypeError("Cannot use option onInvalid: it must be a function");
    }
    this.#core = core;
    this.#messages = new MessageIterator(core.inbound);
    this.#schema = schema;
    this.#onInvalid = onInvalid;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const result = await this.#messages.next();
      if (result.done) return result;
      const read = await this.#read(result.value);
      if (read.error === undefined) return { value: read.value, done: false };
      if (this.#onInvalid === undefined) {
        this.#core.fail(read.error, 1007);
        throw read.error;
      }
      await this.#onInvalid(read.error, result.value);
    }
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#messages.return();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #read(message: Message): Promise<Read<T>> {
    let value: unknown;
    try {
      value = jsonOf(message);
    } catch (error) {
      return { error: error as SyntaxError };
    }
    if (this.#schema === undefined) return { value: value as T };
    const result = await this.#schema["~standard"].validate(value);
    const issues = result?.issues;
    if (Array.isArray(issues)) {
      return { error: new InvalidMessageError(issues) };
    }
    if (Object(result) === result && issues === undefined) {
      return { value: result.value };
    }
    throw new TypeError(
      `Cannot validate message: the schema returned ${nameOf(result)}`,
    );
  }
}

/** A value, or why there is none. */
type Read<T> = { readonly value: T; readonly error?: undefined } | {
  readonly error: SyntaxError | InvalidMessageError;
};
