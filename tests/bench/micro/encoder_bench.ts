import { encodeFrameInto } from "../../../src/protocol/encoder.ts";
import { sizeLabel } from "../plan.ts";
import { bench } from "./bench.ts";
import { TUNING } from "./tuning.ts";

const target = new Uint8Array(2 ** 18);
const mask = () => 0x37fa213d;

for (const side of ["server", "client"] as const) {
  const source = side === "client" ? mask : undefined;
  for (const size of [16, 64, 1024, 65_536]) {
    const forms = {
      binary: new Uint8Array(size),
      ASCII: "a".repeat(size),
      "two-byte text": "é".repeat(size / 2),
    };
    for (const [form, data] of Object.entries(forms)) {
      const opcode = typeof data === "string" ? 1 : 2;
      bench(
        `encodeFrameInto(), ${side}`,
        `${sizeLabel(size)} ${form}`,
        () =>
          encodeFrameInto(
            target,
            0,
            opcode,
            data,
            true,
            false,
            source,
            TUNING,
          ),
      );
    }
  }
}
