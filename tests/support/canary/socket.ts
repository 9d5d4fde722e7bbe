import { createServer } from "node:net";

import { test } from "../helper.ts";

test("a test that leaks a socket", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
