import { writeFileSync } from "node:fs";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { connOver } from "../../src/conn_over.ts";
import { socketStream } from "../../src/runtime/sockets/socket_stream.ts";
import { certificate } from "../support/http_server.ts";
import { connectHttp2, openHttp2 } from "../support/http2_server.ts";
import { test } from "../support/helper.ts";
import { Folder } from "./chat_app_person.ts";
import { Program, START_LIMIT, waysWithNode } from "./program.ts";

const WAYS = waysWithNode(["--allow-net", "--allow-read"]);

for (const { name, lacks, ...way } of WAYS) {
  test(`the example http2 has one session for both under ${name}`, async () => {
    using folder = new Folder();
    const files = { cert: `${folder.path}/cert`, key: `${folder.path}/key` };
    writeFileSync(files.cert, certificate.cert);
    writeFileSync(files.key, certificate.key);
    await using example = new Program("http2.ts", [
      "--port=0",
      `--cert=${files.cert}`,
      `--key=${files.key}`,
    ], way);
    const [, port] = await example.untilPrinted(/https:\/\/localhost:(\d+)/);
    const session = await connectHttp2("TLS", Number(port));
    try {
      const page = session.request({ ":path": "/" });
      let html = "";
      for await (const chunk of page) html += chunk;
      assertStringIncludes(html, "<title>HTTP/2</title>");

      const stream = await openHttp2(session, { ":path": "/echo" });
      const conn = connOver(socketStream(stream), { side: "client" });
      await conn.send("hello");
      assertEquals((await conn.readMessage()).data, "hello");
      await example.untilPrinted(
        /Session 1: GET \/\nSession 1: CONNECT \/echo/,
      );
      example.interrupt();
      assertEquals((await conn.closed).code, 1001);
      assertEquals(await example.exited, 0, example.stderr);
    } finally {
      session.destroy();
    }
  }, { timeout: START_LIMIT, lacks });
}
