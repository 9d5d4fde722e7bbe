/**
 * The W3C's interface (https://websockets.spec.whatwg.org): a test for a sentence
 * of its algorithms, over our class, over `toWebSocket()`, and over the runtime's
 * own class as the referee. Where that one says otherwise, it is listed, and must
 * go on to.
 */

import { assertRejects } from "@std/assert";
import { test, withTimeout } from "../../support/helper.ts";
import { CLASS_CASES } from "./constructor_cases.ts";
import { deviation } from "./deviations.ts";
import { OBJECT_CASES } from "./object_cases.ts";
import { TARGETS } from "./targets.ts";

// What hangs has failed.
const LIMIT = 3_000;

for (const { name, type, withLink } of TARGETS) {
  if (type !== undefined) {
    for (const [sentence, show] of Object.entries(CLASS_CASES)) {
      check(name, sentence, async () => await show(type));
    }
  }
  for (const [sentence, show] of Object.entries(OBJECT_CASES)) {
    check(
      name,
      sentence,
      () => withLink((link) => withTimeout(show(link), LIMIT, sentence)),
    );
  }
}

function check(
  target: string,
  sentence: string,
  show: () => Promise<void>,
): void {
  const how = deviation(target, sentence);
  if (how === undefined) return test(`${target}: ${sentence}`, show);
  test(`${target} deviates: ${sentence}: ${how}`, async () => {
    await assertRejects(show);
  });
}
