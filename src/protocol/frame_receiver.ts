import type { ReadLimitError } from "../errors.ts";
import type { ProtocolError } from "../peer_errors.ts";
import type { ControlType, DataType } from "../message.ts";

/**
 * What a `FrameDecoder` calls, in the order of the wire. It may call any of the
 * decoder's methods, and it may throw: the decoder updates its state before the
 * call, and goes on after the event.
 */
export interface FrameReceiver {
  /**
   * A message in a single frame, not compressed, which is in the chunk from
   * `start` to `end`, still masked with `key` (0 if it is not masked).
   */
  whole(
    type: DataType,
    chunk: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    key: number,
  ): void;
  /**
   * The first frame of any other message: its header. The size is that of the
   * payload if this is the only frame, or 0.
   */
  start(type: DataType, compressed: boolean, size: number): void;
  /** A piece of its payload, not empty and unmasked. */
  piece(chunk: Uint8Array<ArrayBuffer>, start: number, end: number): void;
  /** The end of its last frame. */
  end(): void;
  /** A control frame; the receiver may keep the payload. */
  control(type: ControlType, payload: Uint8Array<ArrayBuffer>): void;
  /** The peer broke a rule. Nothing follows. */
  fail(error: ProtocolError | ReadLimitError): void;
  /** A chunk has been decoded to its end. */
  spent(chunk: Uint8Array<ArrayBuffer>): void;
}
