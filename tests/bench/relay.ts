/** How long a message takes through each broker, by each client. */

import { CASES } from "../interop/brokers/cases.ts";
import { BrokerServer } from "../interop/brokers/servers.ts";
import { commandOf, Program } from "../support/child.ts";
import { findBun } from "../support/runner/find_bun.ts";
import type { RelayResult } from "./servers/relay.ts";

const RELAY = new URL("servers/relay.ts", import.meta.url);
const LIMIT = 60_000;

/**
 * Measures all brokers that have the text in their names, on both runtimes.
 *
 * @param only The text
 * @param seconds Seconds of each measurement
 * @param log Told how far it is
 * @returns The table, in Markdown
 */
export async function relayTable(
  only: string,
  seconds: number,
  log: (line: string) => void,
): Promise<string> {
  const bun = await findBun();
  const lines = [
    "| broker | runtime | p50 µs | p99 µs | messages/s |",
    "| --- | --- | --- | --- | --- |",
  ];
  for (const one of CASES) {
    const lacks = one.lacks ?? one.server?.lacks;
    if (!one.name.includes(only)) continue;
    for (const runtime of ["deno", "bun"] as const) {
      if ((one.only ?? runtime) !== runtime) continue;
      if (lacks !== undefined) {
        log(`${one.name} lacks ${lacks}`);
        continue;
      }
      log(`${one.name} on ${runtime}`);
      const server = one.server && await BrokerServer.start(one.server);
      const args = [one.name, String(server?.port ?? 0), String(seconds)];
      const program = new Program(commandOf(RELAY, args, runtime, bun));
      try {
        const { p50, p99, rate } = await program.read<RelayResult>(LIMIT);
        const figures = [p50, p99, rate].map((figure) =>
          Math.round(figure).toLocaleString("en")
        );
        lines.push(`| ${[one.name, runtime, ...figures].join(" | ")} |`);
      } catch (error) {
        log(`${one.name} cannot be measured: ${error}`);
      } finally {
        await program[Symbol.asyncDispose]();
        await server?.[Symbol.asyncDispose]();
      }
    }
  }
  return lines.join("\n");
}
