import { test } from "../helper.ts";

test("a test that throws", async () => {
  await Promise.resolve();
  throw new Error("a canary sings");
});
