import { frame, join } from "../../../unit/protocol/recorder.ts";

/**
 * The same frames but one, or with one that has less payload, for the shrinker:
 * it cannot know that a length goes with what it leaves out.
 */
export function* smallerFrames(
  wire: Uint8Array,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at + 2 <= wire.length;) {
    const first = wire[at]!;
    const second = wire[at + 1]!;
    const masked = (second & 0x80) !== 0;
    const [length, head] = lengthOf(wire, at);
    const begin = at + head + (masked ? 4 : 0);
    const end = begin + length;
    if (!(end <= wire.length)) return;
    const before = wire.subarray(0, at);
    const behind = wire.subarray(end);
    yield join([before, behind]);
    const payload = wire.subarray(begin, end);
    const side = masked ? "server" : "client";
    for (
      const part of [payload.subarray(0, length >> 1), payload.subarray(1)]
    ) {
      if (part.length === length) continue;
      // Without a mask, so that the payload can be read.
      yield join([before, frame(side, first, part, 0), behind]);
    }
    if (masked && wire.subarray(begin - 4, begin).some((byte) => byte !== 0)) {
      yield join([before, frame(side, first, payload, 0), behind]);
    }
    at = end;
  }
}

/** The length of a payload, and of the header in front of key and payload. */
function lengthOf(
  wire: Uint8Array,
  at: number,
): [length: number, head: number] {
  const short = wire[at + 1]! & 0x7f;
  const bytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  let length = bytes === 0 ? short : 0;
  for (let i = 0; i < bytes; i++) {
    length = length * 256 + (wire[at + 2 + i] ?? Infinity);
  }
  return [length, 2 + bytes];
}
