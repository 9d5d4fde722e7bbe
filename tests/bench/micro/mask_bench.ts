import { applyMask, copyMasked } from "../../../src/protocol/mask.ts";
import { sizeLabel } from "../plan.ts";
import { bench } from "./bench.ts";

const KEY = 0x37fa213d;

for (const size of [16, 125, 1024, 65_536, 2 ** 20]) {
  // The second begins where no word does.
  for (const start of [0, 1]) {
    const bytes = new Uint8Array(size + start);
    bench(
      "applyMask()",
      `${sizeLabel(size)}${start > 0 ? ", unaligned" : ""}`,
      () => applyMask(bytes, start, size + start, KEY, 0),
    );
  }
}

for (const size of [16, 125, 256]) {
  const source = new Uint8Array(size);
  const target = new Uint8Array(size);
  bench(
    "copyMasked()",
    sizeLabel(size),
    () => copyMasked(source, 0, size, target, 0, KEY),
  );
}
