import { test } from "../helper.ts";

test("a test that leaves a rejection to nobody", async () => {
  Promise.reject(new Error("a canary sings"));
  await new Promise<void>((resolve) => setTimeout(resolve, 1));
});
