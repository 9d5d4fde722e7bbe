/** What a connection must make of a peer's bytes, by the references. */

import { show } from "../../../unit/protocol/recorder.ts";
import { ReferenceDecoder } from "../reference/decoder.ts";
import { ReferenceInflater } from "../reference/inflate.ts";
import { ReferenceUtf8 } from "../reference/utf8.ts";

/** What a connection must deliver, and how it must end. */
export interface Ending {
  /** Type and digits of each message. */
  readonly messages: readonly string[];
  /** The digits of each ping. */
  readonly pings: readonly string[];
  /** The codes of the errors that it may be failed with, of which one comes. */
  readonly failures: readonly number[];
  /** What the peer's close frame says; 1006 where there is none. */
  readonly close:
    | { readonly code: number; readonly reason: string }
    | undefined;
}

/** What is agreed on with the peer. */
export interface EndingOptions {
  readonly side: "server" | "client";
  readonly takeover: boolean;
  readonly readLimit: number;
}

/** Reads the bytes. */
export function expectEnding(
  wire: Uint8Array,
  { side, takeover, readLimit }: EndingOptions,
): Ending {
  const decoder = new ReferenceDecoder({ side, rsv1: true, readLimit });
  for (const byte of wire) decoder.push(byte);
  const inflater = new ReferenceInflater(15, takeover);
  const messages: string[] = [];
  const pings: string[] = [];
  const failed = (...failures: number[]): Ending => ({
    messages,
    pings,
    failures,
    close: undefined,
  });
  // What is inflated before all of a message is there may be at fault before.
  const early = (decoder.partial?.code ?? 0) >= 64 ? [1007, 1009] : [];
  for (const { what, code, bytes } of decoder.entries) {
    switch (what) {
      case "ping":
        pings.push(show(Uint8Array.from(bytes)));
        break;
      case "close": {
        const reason = new TextDecoder().decode(Uint8Array.from(bytes));
        return { messages, pings, failures: early, close: { code, reason } };
      }
      case "fail":
        return failed(code, ...early);
      case "message": {
        if (code < 64) {
          messages.push(`${code} ${show(Uint8Array.from(bytes))}`);
          break;
        }
        const data = Uint8Array.from(bytes);
        const { bytes: plain, fault } = inflater.inflate(data, readLimit);
        const text = new ReferenceUtf8();
        const valid = code === 66 ||
          plain.every((byte) => text.push(byte)) &&
            (fault !== undefined || text.end());
        if (fault === "limit") {
          // Corrupt data, or what is no text, may be seen before or behind.
          return failed(1009, 1007);
        }
        if (fault === "cut off") return failed(1007, 1009);
        if (fault !== undefined || !valid) return failed(1007);
        messages.push(`${code - 64} ${show(Uint8Array.from(plain))}`);
      }
    }
  }
  const close = { code: 1006, reason: "" };
  return { messages, pings, failures: early, close };
}
