import { assertEquals } from "@std/assert";

import type { RawPeer } from "../../src/testing/raw_peer.ts";
import { GROUPS } from "../proofs/conformance/cases/all.ts";
import { runCase, type Target } from "../proofs/conformance/engine.ts";
import { dialTarget } from "../proofs/conformance/peer.ts";
import { accepting, withServer } from "../support/dial_server.ts";
import { test } from "../support/helper.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

const ALLOW = ["--allow-net"];

/** A tiny counterpart of the fuzzingserver; notes what is asked of it. */
async function fuzz(peer: RawPeer, paths: string[]): Promise<void> {
  const head = await peer.readHead();
  const [, path = ""] = head.split(" ", 2);
  paths.push(path);
  peer.send(await accepting(head));
  if (path === "/getCaseCount") peer.sendFrame({ opcode: 1, payload: "2" });
  if (path.startsWith("/runCase?case=1&")) {
    peer.sendFrame({ opcode: 2, payload: "echo" });
    await peer.expectFrame({ opcode: 2, payload: "echo" });
  }
  if (path.startsWith("/runCase?case=2&")) {
    peer.sendFrame({ opcode: 3 });
    await peer.expectClose(1002);
  } else {
    peer.sendFrame({ opcode: 8, payload: new Uint8Array([0x03, 0xe8]) });
    await peer.expectClose(1000);
  }
  peer.end();
  await peer.ended;
}

test("the example autobahn_client runs all cases that there are", async () => {
  const paths: string[] = [];
  await withServer((peer) => fuzz(peer, paths), async (url) => {
    await using client = new Program(
      "autobahn_client.ts",
      [url, "--agent", "a b"],
      { allow: ALLOW },
    );
    assertEquals(await client.exited, 0, client.stderr);
    assertEquals(client.stdout, "Running 2 cases\nDone\n");
  }, { count: 4 });
  assertEquals(paths, [
    "/getCaseCount",
    "/runCase?case=1&agent=a%20b",
    "/runCase?case=2&agent=a%20b",
    "/updateReports?agent=a%20b",
  ]);
}, { timeout: START_LIMIT });

/** Cases that both engines pass, and one for our own. */
const CASES = { wire: ["1.1.1", "5.3", "13.2.1", "13.3.1"], native: ["1.1.1"] };

for (const engine of ["wire", "native"] as const) {
  test(
    `the example autobahn_server echoes on the ${engine} engine`,
    async () => {
      await using server = new Program(
        "autobahn_server.ts",
        ["--port=0", "--engine", engine],
        { allow: ALLOW },
      );
      const port = await server.port();
      const target: Target = {
        side: "server",
        async connect({ compression }) {
          const offer = compression?.offers;
          const opened = await dialTarget(port, offer);
          return { ...opened, offer, released: opened.peer.closed };
        },
      };
      const cases = GROUPS.flatMap(({ cases }) => cases);
      for (const id of CASES[engine]) {
        const outcome = await runCase(
          target,
          cases.find((it) => it.id === id)!,
        );
        assertEquals(outcome, { grade: "passed", says: "" }, id);
      }
      server.interrupt();
      assertEquals(await server.exited, 0, server.stderr);
    },
    { timeout: 2 * START_LIMIT, lacks: lacksInterrupt },
  );
}
