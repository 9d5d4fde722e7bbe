/** RFC 3629, section 4, its ABNF as it stands: each row is a sequence of ranges. */
const TAIL = [0x80, 0xbf] as const;
const SEQUENCES: readonly (readonly (readonly [number, number])[])[] = [
  // UTF8-1
  [[0x00, 0x7f]],
  // UTF8-2
  [[0xc2, 0xdf], TAIL],
  // UTF8-3
  [[0xe0, 0xe0], [0xa0, 0xbf], TAIL],
  [[0xe1, 0xec], TAIL, TAIL],
  [[0xed, 0xed], [0x80, 0x9f], TAIL],
  [[0xee, 0xef], TAIL, TAIL],
  // UTF8-4
  [[0xf0, 0xf0], [0x90, 0xbf], TAIL, TAIL],
  [[0xf1, 0xf3], TAIL, TAIL, TAIL],
  [[0xf4, 0xf4], [0x80, 0x8f], TAIL, TAIL],
];

/** Checks UTF-8 byte by byte: it keeps the sequence under way, and nothing else. */
export class ReferenceUtf8 {
  #sequence: number[] = [];

  /** Whether the text may go on with the byte. */
  push(byte: number): boolean {
    const sequence = this.#sequence;
    sequence.push(byte);
    for (const ranges of SEQUENCES) {
      const begins = sequence.length <= ranges.length &&
        sequence.every((one, i) =>
          one >= ranges[i]![0] && one <= ranges[i]![1]
        );
      if (!begins) continue;
      if (sequence.length === ranges.length) this.#sequence = [];
      return true;
    }
    return false;
  }

  /** Whether the text may end here. */
  end(): boolean {
    return this.#sequence.length === 0;
  }
}
