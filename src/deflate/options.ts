import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { shown } from "../base/user_values.ts";

/** How messages are compressed (RFC 7692). */
export interface CompressionOptions {
  /**
   * zlib's level: -2 (Huffman only), -1 (zlib's default), 0 (none) to 9 (best).
   * Native engines have a level of their own.
   *
   * @default {1}
   */
  readonly level?: number;
  /**
   * A whole message with fewer bytes of payload (UTF-16 units of text) is sent
   * uncompressed. For JSON of 256 bytes, compression saves half, at about 100
   * ns for each byte saved, both directions together; for 512 bytes two thirds,
   * at 50 ns. A message that is written in pieces is always compressed.
   *
   * @default {512}
   */
  readonly threshold?: number;
  /**
   * Whether the server compresses each message by itself (RFC 7692, section
   * 7.1.1.1), so that an idle connection holds no memory for it. `false`
   * compresses better, but takes up to 300 KiB on the server and 100 KiB on the
   * client for the life of each connection. On a server, `false` leaves the
   * choice to the client. Native engines always compress each message by
   * itself.
   *
   * @default {true}
   */
  readonly serverNoContextTakeover?: boolean;
  /**
   * Whether the client compresses each message by itself (RFC 7692, section
   * 7.1.1.2). Otherwise as `serverNoContextTakeover`, with the sides exchanged.
   *
   * @default {true}
   */
  readonly clientNoContextTakeover?: boolean;
  /**
   * The base-2 logarithm of the server's window, 8 to 15 (RFC 7692, section
   * 7.1.2.1). A smaller window takes less memory and compresses worse; with 8,
   * only runs of a byte and frequent bytes are compressed. A dialer fails the
   * handshake if the server does not agree. Native engines have a window of
   * their own.
   *
   * @default {15}
   */
  readonly serverMaxWindowBits?: number;
  /**
   * The base-2 logarithm of the client's window, 8 to 15 (RFC 7692, section
   * 7.1.2.2). Otherwise as `serverMaxWindowBits`. A server that sets it below
   * 15 does not compress with clients that do not offer this parameter.
   *
   * @default {15}
   */
  readonly clientMaxWindowBits?: number;
}

/** The options in `enableCompression`. */
export const COMPRESSION_OPTIONS: OptionsOf<CompressionOptions> =
  declareOptions({
    what: "enableCompression",
    use: "enableCompression: { … }",
    names: {
      level: true,
      threshold: true,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: true,
      clientMaxWindowBits: true,
    },
  });

/** The default of {@linkcode CompressionOptions.threshold}. */
export const DEFAULT_THRESHOLD = 512;

/** {@linkcode CompressionOptions} with the defaults filled in. */
export type CompressionSettings = Required<CompressionOptions>;

/**
 * Checks the option `enableCompression` and fills in the defaults.
 *
 * @param option The option
 * @returns The settings, or `undefined` for no compression
 * @throws {RangeError} If a number is out of range
 * @throws {TypeError} If the option, or a flag in it, is of another type
 */
export function compressionSettings(
  option: boolean | CompressionOptions | undefined,
): CompressionSettings | undefined {
  if (option === undefined || option === false) return undefined;
  if (option !== true && (typeof option !== "object" || option === null)) {
    throw new TypeError(
      `Cannot use enableCompression of type ${typeof option}: it must be a ` +
        "boolean or CompressionOptions",
    );
  }
  const options = readOptions(
    option === true ? undefined : option,
    COMPRESSION_OPTIONS,
  );
  const { threshold = DEFAULT_THRESHOLD } = options;
  if (!(typeof threshold === "number" && threshold >= 0)) {
    throw new RangeError(
      `Cannot use compression threshold ${
        shown(threshold)
      }: it must be a number of ` +
        "bytes, or Infinity for no message",
    );
  }
  return {
    level: integer("level", options.level ?? 1, -2, 9),
    threshold,
    serverNoContextTakeover: flag(options, "serverNoContextTakeover"),
    clientNoContextTakeover: flag(options, "clientNoContextTakeover"),
    serverMaxWindowBits: windowBits(options, "serverMaxWindowBits"),
    clientMaxWindowBits: windowBits(options, "clientMaxWindowBits"),
  };
}

function windowBits(
  options: CompressionOptions,
  name: "serverMaxWindowBits" | "clientMaxWindowBits",
): number {
  return integer(name, options[name] ?? 15, 8, 15);
}

function integer(name: string, value: number, min: number, max: number) {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(
    `Cannot use compression ${name} ${shown(value)}: use ${min} to ${max}`,
  );
}

function flag(
  options: CompressionOptions,
  name: "serverNoContextTakeover" | "clientNoContextTakeover",
): boolean {
  const value = options[name] ?? true;
  if (typeof value === "boolean") return value;
  throw new TypeError(
    `Cannot use compression ${name} of type ${typeof value}: use a boolean`,
  );
}
