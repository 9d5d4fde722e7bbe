/** The report of a soak, in Markdown. */

import { LEAVES } from "./client_conn.ts";
import type { Sample, SoakReport } from "./soak.ts";

const MiB = 2 ** 20;
const BAR = 30;

/** The table of what came of it, and the curve of memory. */
export function soakReport(report: SoakReport): string {
  const { options, totals, atEnd, faults } = report;
  const last = report.samples.at(-1);
  const rate = last === undefined ? 0 : last.messages / last.at;
  const [byClose, byFin, byReset, byServer] = LEAVES.map((way) =>
    totals.left[way]
  );
  const rows: [string, string][] = [
    ["server, client", `${options.server}, ${options.client}`],
    ["seconds", `${options.seconds}`],
    ["connections at a time", `${options.conns}`],
    ["connections in all", `${totals.opened}`],
    [
      "left by close, FIN, RST, the server's close",
      `${byClose}, ${byFin}, ${byReset}, ${byServer}`,
    ],
    ["messages that came back", `${totals.messages}`],
    ["of them a second", rate.toFixed(0)],
    ["of them on connections that compress", `${totals.compressed}`],
    ["sent in fragments", `${totals.fragmented}`],
    ["payload, there and back", `${mebibytes(2 * totals.size)}`],
    ["connections at the end: client's, server's", counts(atEnd)],
    ["server's memory, warm and at the end", memory(report.server)],
    ["client's memory, warm and at the end", memory(report.client)],
    ["lost, repeated, reordered, spoilt or else wrong", `${faults.length}`],
  ];
  return [
    table(["", ""], rows),
    curve(report.samples),
    ...faults.map((fault) => `- ${fault}`),
  ].join("\n\n");
}

/** A line of the curve. */
export function sampleLine({ at, server, client, open }: Sample): string {
  return `${at.toFixed(0)} s: ${open} open, server ${mebibytes(server)}, ` +
    `client ${mebibytes(client)}`;
}

function curve(samples: readonly Sample[]): string {
  const top = Math.max(...samples.map(({ server }) => server ?? 0));
  const rows = samples.map(({ at, server, client }): string[] => [
    at.toFixed(0),
    mebibytes(server),
    mebibytes(client),
    "▇".repeat(top === 0 ? 0 : Math.round(BAR * (server ?? 0) / top)),
  ]);
  return table(["seconds", "server", "client", "server"], rows);
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function counts({ client, server }: SoakReport["atEnd"]): string {
  return `${client}, ${server}`;
}

function memory({ before, after }: SoakReport["server"]): string {
  return `${mebibytes(before)}, ${mebibytes(after)}`;
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? "-" : `${(bytes / MiB).toFixed(0)} MiB`;
}
