/** Passes, which shows that the other canaries fail for their own reason. */
import { createServer } from "node:net";

import { test } from "../helper.ts";

test("a test that closes what it opens", async () => {
  clearTimeout(setTimeout(() => {}, 60_000));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
