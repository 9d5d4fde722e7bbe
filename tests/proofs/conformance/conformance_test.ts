import { assertEquals } from "@std/assert";

import { runtime, test } from "../../support/helper.ts";
import { expandIds } from "./case_list.ts";
import { GROUPS } from "./cases/all.ts";
import { expectedOutcomes } from "./expected.ts";
import { runGroup } from "./run_group.ts";
import { startTarget, TARGET_NAMES, type TargetName } from "./targets.ts";

const TITLES: Readonly<Record<TargetName, string>> = {
  server: "serve()",
  client: "Dialer",
  native: "Upgrader.handler()",
};
const TIMEOUT = 120_000;

for (const name of TARGET_NAMES) {
  for (const group of GROUPS) {
    const title = `${TITLES[name]} conforms: ${group.number} ${group.name}`;
    test(title, async () => {
      const ids = group.cases.map(({ id }) => id);
      const expected = expectedOutcomes(name, runtime);
      await using target = await startTarget(name);
      const outcomes = await runGroup(target, group);
      const others = ids.flatMap((id) => {
        const outcome = outcomes.get(id)!;
        return outcome.grade === "passed" ? [] : [[id, outcome] as const];
      });
      assertEquals(
        Object.fromEntries(others),
        Object.fromEntries(
          ids.flatMap((id) => {
            const outcome = expected.get(id);
            return outcome === undefined ? [] : [[id, outcome] as const];
          }),
        ),
      );
    }, { timeout: TIMEOUT });
  }
}

test("GROUPS has the numbers of the Autobahn test suite", () => {
  const numbers = GROUPS.flatMap(({ cases }) => cases.map(({ id }) => id));
  assertEquals(
    numbers,
    expandIds([
      ...["1.1.1-8", "1.2.1-8", "2.1-11", "3.1-7", "4.1.1-5", "4.2.1-5"],
      ...["5.1-20", "6.1.1-3", "6.2.1-4", "6.3.1-2", "6.4.1-4", "6.5.1-5"],
      ...["6.6.1-11", "6.7.1-4", "6.8.1-2", "6.9.1-4", "6.10.1-3"],
      ...["6.11.1-5", "6.12.1-8", "6.13.1-5", "6.14.1-10", "6.15.1"],
      ...["6.16.1-3", "6.17.1-5", "6.18.1-5", "6.19.1-5", "6.20.1-7"],
      ...["6.21.1-8", "6.22.1-34", "6.23.1-7", "7.1.1-6", "7.3.1-6"],
      ...["7.5.1", "7.7.1-13", "7.9.1-9", "7.13.1-2", "9.1.1-6"],
      ...["9.2.1-6", "9.3.1-9", "9.4.1-9", "9.5.1-6", "9.6.1-6"],
      ...["9.7.1-6", "9.8.1-6", "10.1.1"],
      ...[1, 2, 3, 4, 5].map((chapter) => `12.${chapter}.1-18`),
      ...[1, 2, 3, 4, 5, 6, 7].map((chapter) => `13.${chapter}.1-18`),
    ]),
  );
});
