import { assertEquals } from "@std/assert";

import { BROKEN, HELLO } from "../../../unit/deflate/samples.ts";
import { hex, test } from "../../../support/helper.ts";
import { ReferenceInflater } from "./inflate.ts";

test("ReferenceInflater inflates the examples of RFC 7692, section 7.2.3", () => {
  for (const [name, payload] of HELLO) {
    for (const takeover of [false, true]) {
      const inflater = new ReferenceInflater(15, takeover);
      const { bytes, fault } = inflater.inflate(hex(payload), 5);
      assertEquals(String.fromCharCode(...bytes), "Hello", name);
      assertEquals(fault, undefined, name);
    }
  }
});

test("ReferenceInflater refers to an earlier message with context takeover only", () => {
  for (const takeover of [false, true]) {
    const inflater = new ReferenceInflater(15, takeover);
    inflater.inflate(hex("f2 48 cd c9 c9 07 00"), 5);
    // RFC 7692, section 7.2.3.2.
    const { bytes, fault } = inflater.inflate(hex("f2 00 11 00 00"), 5);
    assertEquals(
      [String.fromCharCode(...bytes), fault],
      takeover ? ["Hello", undefined] : ["H", "corrupt"],
    );
  }
});

test("ReferenceInflater tells what is corrupt, cut off, or too long", () => {
  for (const [what, payload] of BROKEN) {
    const { fault } = new ReferenceInflater(15, false).inflate(
      hex(payload),
      Infinity,
    );
    // Cut off within what we add, it may break a rule as well.
    if (what === "cut off") assertEquals(fault, "cut off", payload);
    else assertEquals(fault !== undefined, true, payload);
  }
  const [[, payload]] = HELLO as [[string, string]];
  const inflater = new ReferenceInflater(15, false);
  assertEquals(inflater.inflate(hex(payload), 4), {
    bytes: [0x48, 0x65, 0x6c, 0x6c],
    fault: "limit",
    far: false,
  });
});
