import { brandOf } from "./base/brands.ts";
import { checkAttached, shown } from "./base/user_values.ts";
import type { DataType } from "./message.ts";

/**
 * The payload of a prepared message, for the engines, which must not change it.
 */
export let preparedData: (
  message: PreparedMessage,
) => string | Uint8Array<ArrayBuffer>;

/** The bytes of its payload. */
export let preparedSize: (message: PreparedMessage) => number;

/** A wire form: its bytes, or a promise of them while they are being made. */
export type PreparedForm =
  | Uint8Array<ArrayBuffer>
  | Promise<Uint8Array<ArrayBuffer>>;

/**
 * The wire form of a prepared message that the key names, encoded on first use.
 */
export let preparedForm: (
  message: PreparedMessage,
  key: string,
  encode: (data: string | Uint8Array<ArrayBuffer>) => PreparedForm,
) => PreparedForm;

/**
 * The message itself; if it is from another copy of the package, one of ours in
 * its place; `undefined` for anything else.
 */
export let ownPrepared: (message: unknown) => PreparedMessage | undefined;

const PAYLOAD = brandOf("PreparedMessage");

/**
 * Our messages for those of other copies, so that each is encoded only once.
 */
const adopted: WeakMap<object, PreparedMessage> = new WeakMap();

/**
 * A message that is encoded once and sent to any number of connections
 * (gorilla's `PreparedMessage`). The payload is copied, so later changes to it
 * have no effect.
 *
 * @example Usage
 * ```ts no-assert
 * import { type Conn, MessageType, PreparedMessage } from "@silverback/websocket";
 *
 * async function broadcast(conns: Iterable<Conn>, news: string): Promise<void> {
 *   const message = new PreparedMessage(MessageType.Text, news);
 *   await Promise.allSettled(
 *     Array.from(conns, (conn) => conn.writePreparedMessage(message)),
 *   );
 * }
 * ```
 */
export class PreparedMessage {
  /** The type: text (1) or binary (2). */
  readonly type: DataType;
  readonly #data: string | Uint8Array<ArrayBuffer>;
  readonly #forms: Map<string, PreparedForm> = new Map();
  #size: number | undefined; // once asked for

  /**
   * Prepares a message.
   *
   * @param type `MessageType.Text` or `MessageType.Binary`
   * @param data The payload; the bytes of a text message must be UTF-8, and a
   * lone surrogate in a string becomes U+FFFD
   * @throws {TypeError} If the data is neither a string nor a `Uint8Array`, or
   * is text given as bytes that are not UTF-8
   * @throws {RangeError} If the type is not a data type
   */
  constructor(type: DataType, data: string | Uint8Array) {
    if (type !== 1 && type !== 2) {
      throw new RangeError(
        `Cannot prepare message of type ${
          shown(type)
        }: use MessageType.Text or MessageType.Binary`,
      );
    }
    this.type = type;
    if (typeof data === "string") {
      this.#data = data.toWellFormed();
    } else if (data instanceof Uint8Array) {
      checkAttached(data, "prepare message");
      this.#data = new Uint8Array(data);
      if (type === 1) {
        try {
          new TextDecoder("utf-8", { fatal: true }).decode(this.#data);
        } catch (cause) {
          throw new TypeError("Cannot prepare message: text is not UTF-8", {
            cause,
          });
        }
      }
    } else {
      throw new TypeError(
        `Cannot prepare message: data must be a string or a Uint8Array, got ${typeof data}`,
      );
    }
  }

  static {
    Object.defineProperty(this.prototype, PAYLOAD, {
      value(this: PreparedMessage) {
        return this.#data;
      },
    });
    ownPrepared = (message) => {
      if (typeof message !== "object" || message === null) return undefined;
      if (#data in message) return message;
      return adopted.get(message) ?? adopt(message);
    };
    preparedData = (message) => message.#data;
    preparedSize = (message) => {
      const data = message.#data;
      return message.#size ??= typeof data === "string"
        ? new TextEncoder().encode(data).length
        : data.length;
    };
    preparedForm = (message, key, encode) => {
      let form = message.#forms.get(key);
      if (form === undefined) {
        form = encode(message.#data);
        message.#forms.set(key, form);
        if (form instanceof Promise) {
          form.then(
            (bytes) => message.#forms.set(key, bytes),
            () => message.#forms.delete(key),
          );
        }
      }
      return form;
    };
  }
}

/** The frames of several messages, and the bytes of their payloads. */
export interface JoinedFrames {
  readonly frames: Uint8Array<ArrayBuffer>;
  readonly size: number;
}

/**
 * Prepared messages that many connections get one after the other, so that they
 * can go out as one.
 */
export class PreparedBatch {
  readonly messages: readonly PreparedMessage[];
  /** Bytes, or UTF-16 units of text, of all. */
  readonly size: number;
  /** All of them as the wire engine sends them, once that is made. */
  joined: JoinedFrames | undefined;

  constructor(messages: readonly PreparedMessage[]) {
    this.messages = messages;
    this.size = messages.reduce((sum, it) => sum + preparedData(it).length, 0);
  }
}

/** Prepares a message of another copy of the package anew. */
function adopt(message: object): PreparedMessage | undefined {
  try {
    const other = message as PreparedMessage & Record<symbol, unknown>;
    const payload = other[PAYLOAD];
    if (typeof payload !== "function") return undefined;
    const own = new PreparedMessage(other.type, payload.call(other));
    adopted.set(message, own);
    return own;
  } catch {
    return undefined; // It only pretends to be one, or throws when inspected.
  }
}
