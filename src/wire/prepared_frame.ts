import {
  type JoinedFrames,
  type PreparedBatch,
  type PreparedForm,
  preparedForm,
  type PreparedMessage,
} from "../prepared.ts";
import { payloadLength } from "../protocol/frame_header.ts";
import { encodeFrame } from "../protocol/encoder.ts";
import type { MessageCodec } from "../transport/codec.ts";
import type { Side } from "../transport/transport.ts";

const encoder = new TextEncoder();

/** Bytes as they are, text as UTF-8. */
export function toBytes<T extends Uint8Array>(
  data: string | T,
): T | Uint8Array<ArrayBuffer> {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/**
 * The form of a prepared message that a side sends, made once for all its
 * connections: on servers the whole frame; on clients the payload, as each
 * frame is masked with a fresh key (RFC 6455, section 5.3).
 *
 * @param message The message
 * @param side The side
 * @param key The key of the codec's form; `undefined` to send it uncompressed
 * @param codec The codec
 * @returns The form, or a promise of it
 */
export function prepareFrame(
  message: PreparedMessage,
  side: Side,
  key: string | undefined,
  codec: MessageCodec | undefined,
): PreparedForm {
  const payload = (): PreparedForm =>
    preparedForm(
      message,
      key ?? "plain",
      (data) =>
        key === undefined ? toBytes(data) : codec!.prepare(toBytes(data)),
    );
  if (side === "client") return payload();
  const frame = (bytes: Uint8Array<ArrayBuffer>) =>
    encodeFrame(message.type, bytes, true, key !== undefined, undefined);
  return preparedForm(message, `frame ${key ?? "plain"}`, () => {
    const bytes = payload();
    return bytes instanceof Promise ? bytes.then(frame) : frame(bytes);
  });
}

/**
 * The frames of several messages in one buffer, made once for all servers'
 * connections that do not compress.
 *
 * @param batch The messages
 * @returns The frames, and what their payloads have
 */
export function joinFrames(batch: PreparedBatch): JoinedFrames {
  if (batch.joined === undefined) {
    const parts = batch.messages.map(plainFrame);
    const size = parts.reduce(
      (sum, { length }) => sum + payloadLength(length, false),
      0,
    );
    batch.joined = { frames: concat(parts), size };
  }
  return batch.joined;
}

function plainFrame(message: PreparedMessage): Uint8Array<ArrayBuffer> {
  const form = prepareFrame(message, "server", undefined, undefined);
  // Only a codec takes its time.
  return form as Uint8Array<ArrayBuffer>;
}

function concat(
  parts: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const all = new Uint8Array(
    parts.reduce((length, part) => length + part.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
