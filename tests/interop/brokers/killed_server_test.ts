/** Servers in processes of their own, of which one is killed. */

import { assert, assertEquals } from "@std/assert";

import { dial } from "../../../src/client/dialer.ts";
import {
  commandOf,
  otherRuntime,
  Program,
  programOf,
} from "../../support/child.ts";
import { runtime, test } from "../../support/helper.ts";
import { lacksClients } from "./npm_clients.ts";
import { BrokerServer, REDIS } from "./servers.ts";

const SERVER = new URL("server_process.ts", import.meta.url);
const HEARTBEAT = 250;

const lacks = REDIS.lacks ?? lacksClients ??
  (programOf(otherRuntime) === undefined ? otherRuntime : undefined);

test(
  "a server that is killed takes its people along, and nobody else",
  async () => {
    await using broker = await BrokerServer.start(REDIS);
    const start = (name: string, which: typeof runtime = otherRuntime) =>
      new Program(commandOf(SERVER, [String(broker.port), name], which));
    await using killed = start("killed");
    // On this runtime.
    await using other = start("other", runtime);
    const ports = [
      Number(await killed.readLine()),
      Number(await other.readLine()),
    ];
    const [mine, yours] = await Promise.all(
      ports.map(async (port) => (await dial(`ws://127.0.0.1:${port}/`)).conn),
    );
    for (const program of [killed, other]) {
      while (await program.readLine() !== '["killed","other"]');
    }
    await mine!.send("Hello");
    for (const conn of [mine!, yours!]) {
      assertEquals((await conn.readMessage()).data, "Hello");
    }

    const at = performance.now();
    killed.kill();
    assertEquals(await other.readLine(), '["other"]');
    const took = performance.now() - at;
    // Three heartbeats of silence, which began at most one before; on a busy
    // machine that one comes late.
    assert(took > HEARTBEAT && took < 12 * HEARTBEAT, `${took} ms`);
    assertEquals((await mine!.closed).code, 1006);
    await yours!.send("Still here");
    assertEquals((await yours!.readMessage()).data, "Still here");
    await yours!.close();
  },
  { lacks, timeout: 60_000 },
);
