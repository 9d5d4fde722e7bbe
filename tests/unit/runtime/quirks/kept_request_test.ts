import http from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";

import { assertEquals } from "@std/assert";

import { Dialer } from "../../../../src/client/dialer.ts";
import { Upgrader } from "../../../../src/server/upgrader.ts";
import { collectNow } from "../../../support/process/garbage.ts";
import { test } from "../../../support/helper.ts";
import { turn } from "../../../suite/fixture.ts";

test("an upgraded connection does not keep its request", async () => {
  const server = http.createServer();
  const upgrader = new Upgrader();
  let request: WeakRef<object> | undefined;
  server.on("upgrade", (message) => request = new WeakRef(message));
  server.on("upgrade", upgrader.listener((conn) => void conn.send("Hello")));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const { conn } = await new Dialer().dial(`ws://127.0.0.1:${port}`);
  assertEquals((await conn.readMessage()).data, "Hello");
  while (request!.deref() !== undefined) {
    await turn();
    collectNow();
  }
  await conn.close();
  await once(server.close(), "close");
}, { only: "bun" });
