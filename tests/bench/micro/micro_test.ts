import { assert } from "@std/assert";

import { test } from "../../support/helper.ts";
import { MICROS } from "./bench.ts";

test("every micro-benchmark runs", async () => {
  await import("./all.ts");
  assert(MICROS.length > 50);
  for (const { fn } of MICROS) {
    fn();
    fn();
  }
});
