import { assert, assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";

const PAIRS = [["deno", "bun"], ["bun", "deno"]] as const;

for (const [server, client] of PAIRS) {
  test(
    `runSoak() loses nothing in a small soak, the server on ${server}`,
    async () => {
      // The soak itself is a program for Deno.
      const { runSoak } = await import("./soak.ts");
      const { soakReport } = await import("./report.ts");
      const options = { seconds: 3, conns: 50, server, client, seed: 1 };
      const report = await runSoak(options);
      const text = soakReport(report);
      assertEquals(report.faults, [], text);
      const { opened, messages, compressed, fragmented, left } = report.totals;
      assert(opened > options.conns && messages > options.conns, text);
      assert(compressed > 0 && fragmented > 0, text);
      assert(left.fin > 0 && left.reset > 0, text);
      assert(text.includes(`| server, client | ${server}, ${client} |`));
    },
    { only: "deno", timeout: 120_000 },
  );
}
