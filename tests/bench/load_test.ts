import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

import { Child, programOf } from "../support/child.ts";
import { hex, test } from "../support/helper.ts";

const lacks = programOf("bun") === undefined ? "Bun" : undefined;

/** Runs the generator against a server that answers the first frame with this. */
async function generate(
  kind: string,
  answer: Uint8Array | undefined,
): Promise<[code: number | null, stderr: string]> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      socket.once("data", () => {
        if (answer === undefined) socket.destroy();
        else socket.write(answer);
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using child = new Child(new URL("load.ts", import.meta.url), [
    `--url=ws://127.0.0.1:${port}/`,
    `--kind=${kind}`,
    "--conns=1",
    "--depth=1",
    "--seconds=0.1",
    "--warmup=0",
  ], "bun");
  const code = await child.exited;
  server.close();
  await once(server, "close");
  return [code, child.stderr];
}

for (const kind of ["echo", "paced"]) {
  test(
    `load.ts fails when the server closes a connection; ${kind}`,
    async () => {
      const [code, stderr] = await generate(kind, undefined);
      assert(stderr.includes("The server has closed the connection"), stderr);
      assertEquals(code, 1);
    },
    { lacks },
  );

  test(`load.ts fails at an answer that is no echo; ${kind}`, async () => {
    const [code, stderr] = await generate(kind, hex("82 01 00"));
    assert(stderr.includes("has answered 64 bytes with 1"), stderr);
    assertEquals(code, 1);
  }, { lacks });
}
