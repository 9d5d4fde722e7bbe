import { assertEquals } from "@std/assert";
import { test } from "../helper.ts";
import { countTests, listFailures, sumCounts } from "./junit.ts";

test("countTests() reads what Deno writes", () => {
  const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="2" errors="2" time="0.580">
    <testsuite name="./a_test.ts" tests="3" disabled="0" errors="2" failures="1">
        <testcase name="raw" classname="./a_test.ts" time="0.042" line="1">
            <failure message="Leaks detected">Leaks detected:
  - A timer</failure>
        </testcase>
        <testcase name="raw2" classname="./a_test.ts" time="0.000" line="2">
            <error message="Cancelled"/>
        </testcase>
        <testcase name="later" classname="./a_test.ts" time="0.000" line="3">
            <skipped/>
        </testcase>
        <testcase name="a &lt;skipped> b" classname="./a_test.ts" time="0.002">
        </testcase>
    </testsuite>
</testsuites>`;
  assertEquals(countTests(report), { passed: 1, failed: 2, skipped: 1 });
});

test("countTests() reads what Bun writes", () => {
  const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="0" failures="1" skipped="1">
  <testsuite name="c_test.ts" file="c_test.ts" tests="4" failures="1">
    <testcase name="one &lt;&amp;&gt; ok" classname="" time="0.1" line="2" />
    <testcase name="fails" classname="" time="0.01" line="2" assertions="0">
      <failure type="AssertionError" message="&#10;-   2&#10;" />
    </testcase>
    <testcase name="s" classname="" time="0" line="2" assertions="0">
      <skipped />
    </testcase>
    <testcase name="after" classname="" time="0.02" line="2" assertions="0" />
  </testsuite>
</testsuites>`;
  assertEquals(countTests(report), { passed: 2, failed: 1, skipped: 1 });
});

test("countTests() finds nothing in an empty report", () => {
  assertEquals(countTests(""), { passed: 0, failed: 0, skipped: 0 });
});

test("listFailures() says which tests failed on Deno, and why", () => {
  const report = `<testsuites name="deno test" tests="3" failures="2">
    <testsuite name="./a_test.ts" tests="3" errors="0" failures="2">
        <testcase name="good > failure" classname="./a_test.ts" time="0.1">
        </testcase>
        <testcase name="a &lt;b> &amp; &quot;c&quot;" classname="./a_test.ts">
            <failure message="Uncaught Error: 1 > 2">Error: 1 &gt; 2
    at a_test.ts:1</failure>
        </testcase>
        <testcase name="raw" classname="./a_test.ts" time="0.000" line="2">
            <error message="Cancelled"/>
        </testcase>
    </testsuite>
</testsuites>`;
  assertEquals(listFailures(report), [
    `a <b> & "c"\n    Error: 1 > 2\n        at a_test.ts:1`,
    "raw\n    Cancelled",
  ]);
});

test("listFailures() says which tests failed on Bun, and why", () => {
  const report = `<testsuites name="bun test" tests="2" failures="2">
  <testsuite name="c_test.ts" file="c_test.ts" tests="2" failures="2">
    <testcase name="one" classname="" time="0.1" line="2" />
    <testcase name="fails" classname="" time="0.01" line="2" assertions="0">
      <failure type="Error" message="Bad&#10;second">Error: Bad&#10;  s</failure>
    </testcase>
    <testcase name="&amp;lt;" classname="" time="0.01" line="2" assertions="0">
      <failure type="AssertionError" />
    </testcase>
  </testsuite>
</testsuites>`;
  assertEquals(listFailures(report), [
    "fails\n    Error: Bad\n      s",
    "&lt;\n    ",
  ]);
});

test("listFailures() shows the beginning of a long text", () => {
  const text = "line\n".repeat(100);
  const report = `<testcase name="a"><failure>${text}</failure></testcase>`;
  const lines = listFailures(report).join().split("\n");
  assertEquals(lines.length, 21);
});

test("sumCounts() adds each way of ending up", () => {
  assertEquals(
    sumCounts([
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 20, skipped: 30 },
    ]),
    { passed: 11, failed: 22, skipped: 33 },
  );
});
