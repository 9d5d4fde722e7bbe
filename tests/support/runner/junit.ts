/** Reads the JUnit reports that both runtimes write. */

/** Both runtimes escape `<` in names and messages, so a tag is a tag. */
const TEST_CASE =
  /<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>(.*?)<\/testcase>)/gs;
const FAILURE = /<(?:failure|error)\b((?:[^>"]|"[^"]*")*?)(?:\/>|>(.*?)<\/)/s;
/** Of each failure's text, the lines to show. */
const MAX_LINES = 20;
const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

/** How many tests ended in which way. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Counts the test cases of a report one by one: the totals in its attributes
 * mean different things on Deno and Bun.
 */
export function countTests(report: string): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, , inner = ""] of report.matchAll(TEST_CASE)) {
    if (FAILURE.test(inner)) counts.failed++;
    else if (/<skipped\b/.test(inner)) counts.skipped++;
    else counts.passed++;
  }
  return counts;
}

/** The failed test cases of a report: the name of each, and below it why. */
export function listFailures(report: string): string[] {
  const failures: string[] = [];
  for (const [, attributes = "", inner = ""] of report.matchAll(TEST_CASE)) {
    const failure = FAILURE.exec(inner);
    if (failure === null) continue;
    const [, about = "", text = ""] = failure;
    const why = text.trim() || (/\bmessage="([^"]*)"/.exec(about)?.[1] ?? "");
    const [, name = ""] = /\bname="([^"]*)"/.exec(attributes) ?? [];
    const lines = unescape(why).trim().split("\n").slice(0, MAX_LINES);
    failures.push([unescape(name), ...lines].join("\n    "));
  }
  return failures;
}

/** Of XML: names and messages have no other references than these. */
function unescape(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|(lt|gt|quot|apos|amp));/g, (
    _,
    code: string | undefined,
    name: string,
  ) => code === undefined ? ENTITIES[name]! : String.fromCodePoint(+code));
}

/** The sum of several counts. */
export function sumCounts(all: readonly Counts[]): Counts {
  const sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) {
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped += counts.skipped;
  }
  return sum;
}
