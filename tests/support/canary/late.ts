import { test } from "../helper.ts";

test("a test that does not end", () => new Promise<void>(() => {}), {
  timeout: 1,
});
