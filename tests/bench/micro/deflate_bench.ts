import { deflateOnce, inflateOnce } from "../../../src/deflate/one_shot.ts";
import { deflated, jsonText } from "../load/frames.ts";
import { sizeLabel } from "../plan.ts";
import { bench } from "./bench.ts";

const encoder = new TextEncoder();

for (const size of [64, 256, 1024, 4096, 16_384, 65_536]) {
  const json = encoder.encode(jsonText(size));
  const compressed = deflated(json);
  for (const level of [1, 6]) {
    const settings = { level, windowBits: 15 };
    bench(
      "deflateOnce()",
      `${sizeLabel(size)} JSON, level ${level}`,
      () => deflateOnce(json, settings, true),
    );
  }
  bench(
    "inflateOnce()",
    `${sizeLabel(size)} JSON`,
    () => inflateOnce(compressed, Infinity),
  );
}
