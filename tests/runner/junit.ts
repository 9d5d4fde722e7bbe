/** Reads the counts out of the JUnit reports that both runtimes write. */

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
  // Both escape `<` in names and messages, so a tag is a tag.
  const testCase = /<testcase\b[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs;
  for (const [, inner = ""] of report.matchAll(testCase)) {
    if (/<(?:failure|error)\b/.test(inner)) counts.failed++;
    else if (/<skipped\b/.test(inner)) counts.skipped++;
    else counts.passed++;
  }
  return counts;
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
