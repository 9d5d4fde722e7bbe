import { decodeUtf8, Utf8Validator } from "../../../src/protocol/utf8.ts";
import { sizeLabel } from "../plan.ts";
import { bench } from "./bench.ts";
import { TUNING } from "./tuning.ts";

const ALPHABETS = {
  ASCII: "The quick brown fox. ",
  Cyrillic: "Съешь же ещё этих мягких булок. ",
  CJK: "いろはにほへとちりぬるを",
};

for (const [alphabet, text] of Object.entries(ALPHABETS)) {
  for (const size of [16, 64, 1024, 65_536]) {
    const bytes = textOf(text, size);
    const name = `${sizeLabel(size)} ${alphabet}`;
    bench(
      "decodeUtf8()",
      name,
      () => decodeUtf8(bytes, 0, bytes.length, TUNING),
    );
    const validator = new Utf8Validator();
    bench("utf8Validator.push()", name, () => {
      validator.reset();
      return validator.push(bytes);
    });
  }
}

/** So many bytes of a text that is repeated, less what is no whole character. */
function textOf(text: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const { written } = new TextEncoder().encodeInto(text.repeat(size), bytes);
  return bytes.slice(0, written);
}
