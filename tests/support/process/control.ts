/** How programs and who started them talk: lines on the standard streams. */

import process from "node:process";

import { collectGarbage } from "./garbage.ts";

/** What a server prints when it listens. */
export interface Ready {
  readonly port: number;
  readonly pid: number;
}

/**
 * Says that the server listens. From then on it answers each line on its
 * standard input with a line, and ends with it. By default it collects garbage
 * for each.
 */
export function announce(
  port: number,
  answer: (question: string) => Promise<string> = collect,
): void {
  const ready: Ready = { port, pid: process.pid };
  console.log(JSON.stringify(ready));
  answerLines(answer);
}

/** Answers each line on the standard input with a line, and ends with it. */
export function answerLines(
  answer: (question: string) => Promise<string>,
): void {
  process.stdin.on("data", async (line) => {
    console.log(await answer(String(line).trim()));
  });
  process.stdin.on("end", () => process.exit());
}

async function collect(): Promise<string> {
  await collectGarbage();
  return "collected";
}
