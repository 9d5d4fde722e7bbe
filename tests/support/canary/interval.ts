import { test } from "../helper.ts";

test("a test that leaks an interval", () => {
  setInterval(() => {}, 60_000);
});
