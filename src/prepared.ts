import type { DataType } from "./message.ts";

/** The payload of a prepared message, for the engines: never to be changed. */
export let preparedData: (
  message: PreparedMessage,
) => string | Uint8Array<ArrayBuffer>;

/** A wire form: its bytes, or a promise of them while they are being made. */
export type PreparedForm =
  | Uint8Array<ArrayBuffer>
  | Promise<Uint8Array<ArrayBuffer>>;

/** The wire form of a prepared message that the key names, encoded at its first use. */
export let preparedForm: (
  message: PreparedMessage,
  key: string,
  encode: (data: string | Uint8Array<ArrayBuffer>) => PreparedForm,
) => PreparedForm;

/**
 * A message that is encoded once and sent to any number of connections (gorilla's `PreparedMessage`). The payload is copied when
 * it is made, so that later changes to it do not show.
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

  /**
   * Prepares a message.
   *
   * @param type `MessageType.Text` or `MessageType.Binary`
   * @param data The payload; bytes of a text message must be UTF-8
   * @throws {TypeError} If the data is neither a string nor a `Uint8Array`, or is text that is not well-formed
   * @throws {RangeError} If the type is not a data type
   */
  constructor(type: DataType, data: string | Uint8Array) {
    if (type !== 1 && type !== 2) {
      throw new RangeError(
        `Cannot prepare message of type ${type}: use MessageType.Text or MessageType.Binary`,
      );
    }
    this.type = type;
    if (typeof data === "string") {
      if (!data.isWellFormed()) {
        throw new TypeError("Cannot prepare message: text is not well-formed");
      }
      this.#data = data;
    } else if (data instanceof Uint8Array) {
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
    preparedData = (message) => message.#data;
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
