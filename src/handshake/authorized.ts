/** What the user's last word before the 101 may say. */

import { isInstance } from "../base/user_values.ts";
import type { HeadersLike } from "./headers.ts";
import { quote } from "./quote.ts";

/**
 * What `authorize` returns for an upgrade that may go through. Both may be left
 * out.
 *
 * @typeParam Data What the connection is to carry
 */
export interface Authorized<Data = unknown> {
  /** For the handler: it is the connection's `data`, the very value. */
  readonly data?: Data;
  /** Headers of the 101, such as Set-Cookie. */
  readonly headers?: HeadersLike;
}

/** The same, as it is read. */
export interface Granted {
  readonly data: unknown;
  readonly headers: HeadersLike | undefined;
}

const NOTHING: Granted = { data: undefined, headers: undefined };

/** The form, for messages. */
const FORM = "return a Response to refuse, { data, headers }, or nothing";

/**
 * Reads what `authorize` has returned and is no `Response`. What it does not
 * know it does not pass over: a foreign Response would be taken for a welcome.
 *
 * @param result What it returned
 * @returns Its data and headers, from the object itself alone
 * @throws {TypeError} If it is anything but a plain object of the two
 */
export function readAuthorized(result: unknown): Granted {
  if (result === undefined) return NOTHING;
  if (!isPlain(result)) {
    throw new TypeError(
      `Cannot use ${kindOf(result)} that authorize returned: ${FORM}`,
    );
  }
  for (const name of Reflect.ownKeys(result)) {
    if (name !== "data" && name !== "headers") {
      throw new TypeError(
        `Cannot use ${quote(String(name))} of what authorize returned: ${FORM}`,
      );
    }
  }
  return {
    data: Object.hasOwn(result, "data") ? result.data : undefined,
    headers: Object.hasOwn(result, "headers") ? result.headers : undefined,
  };
}

/** Whether it is an object of no class, of whatever realm. */
function isPlain(value: unknown): value is Authorized {
  if (typeof value !== "object" || value === null) return false;
  const proto = Object.getPrototypeOf(value);
  return proto === null || Object.getPrototypeOf(proto) === null;
}

function kindOf(value: unknown): string {
  if (value === null) return "the null";
  if (Array.isArray(value)) return "the array";
  if (isInstance(value, Headers)) return "the Headers";
  return `the ${typeof value}`;
}
