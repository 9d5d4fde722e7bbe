import { test } from "../helper.ts";

test("a test that leaks a timer", () => {
  setTimeout(() => {}, 60_000);
});
