import type { ProtocolError, ReadLimitError } from "../errors.ts";
import type { ControlType, DataType } from "../message.ts";

/**
 * What a `FrameDecoder` calls, in the order of the wire. It may call
 * `pause` and `stop`, and it may throw: the decoder is up to date before it is
 * called, and goes on behind the event.
 */
export interface FrameReceiver {
  /**
   * A message in one frame that is not compressed and lies in the chunk from
   * `start` to `end`, still masked with `key` (0 if it is not masked).
   */
  whole(
    type: DataType,
    chunk: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    key: number,
  ): void;
  /** The first frame of any other message: its header. */
  start(type: DataType, compressed: boolean): void;
  /** A piece of its payload, not empty and unmasked. */
  piece(chunk: Uint8Array<ArrayBuffer>, start: number, end: number): void;
  /** The end of its last frame. */
  end(): void;
  /** A control frame; the payload is the receiver's own. */
  control(type: ControlType, payload: Uint8Array<ArrayBuffer>): void;
  /** A broken rule. Nothing follows. */
  fail(error: ProtocolError | ReadLimitError): void;
}
