import { assert, assertEquals } from "@std/assert";

import { test } from "../helper.ts";

for (
  const [server, client] of [["deno", "bun"], ["bun", "deno"]] as const
) {
  test(
    `runSoak() loses nothing in a small soak, the server on ${server}`,
    async () => {
      // The soak itself is a program for Deno.
      const { runSoak } = await import("./soak.ts");
      const { soakReport } = await import("./report.ts");
      const report = await runSoak({
        seconds: 3,
        conns: 50,
        server,
        client,
        seed: 1,
      });
      const text = soakReport(report);
      assertEquals(report.faults, [], text);
      const { totals } = report;
      assert(totals.opened > 50 && totals.messages > 500, text);
      assert(totals.compressed > 0 && totals.fragmented > 0, text);
      for (const [way, count] of Object.entries(totals.left)) {
        assert(count > 0, `${way} in ${text}`);
      }
      assert(text.includes(`| server, client | ${server}, ${client} |`));
    },
    { only: "deno", timeout: 60_000 },
  );
}
