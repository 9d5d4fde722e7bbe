/** The example metrics, as Prometheus and its peers see it. */

import { assert, assertEquals } from "@std/assert";

import { closePayload, RawPeer, UPGRADE_HEADERS } from "../support/raw_peer.ts";
import { test } from "../support/helper.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

/** The samples of a scrape, by their names and labels. */
async function scrape(port: number): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assertEquals(
    response.headers.get("content-type"),
    "text/plain; version=0.0.4",
  );
  const samples = new Map<string, number>();
  for (const line of (await response.text()).split("\n")) {
    if (line === "" || line.startsWith("# TYPE ")) continue;
    const [, name, value] =
      /^([a-z_]+(?:\{[a-z]+="\w+"\})?) (\S+)$/.exec(line) ??
        [];
    assert(name !== undefined && Number(value) >= 0, line);
    samples.set(name, Number(value));
  }
  return samples;
}

async function connect(port: number, path = "/ws"): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  peer.request(UPGRADE_HEADERS, { path });
  await peer.head();
  return peer;
}

test("the example metrics tells what it has done", async () => {
  await using program = new Program("metrics.ts", ["--port=0"], {
    allow: ["--allow-net"],
  });
  const port = await program.port();
  using first = await connect(port);
  using second = await connect(port);
  (await connect(port, "/other"))[Symbol.dispose]();
  first.send(1, "hello");
  await first.frame();
  let samples = await scrape(port);
  assertEquals(samples.get("websocket_connections"), 2);
  assertEquals(samples.get('websocket_refused_total{status="404"}'), 1);
  assertEquals(samples.get('websocket_messages_total{direction="sent"}'), 1);
  second.send(8, closePayload(4321));
  await second.frame();
  first.send(8, closePayload(1000));
  await first.frame();
  // The end is told a little later than it is seen here.
  while (samples.get("websocket_connections")! > 0) {
    samples = await scrape(port);
  }
  assertEquals(samples.get('websocket_closed_total{code="4xxx"}'), 1);
  assertEquals(samples.get('websocket_closed_total{code="1000"}'), 1);
  assertEquals(samples.get("websocket_duration_seconds_count"), 2);
  for (const direction of ["received", "sent"]) {
    const label = `{direction="${direction}"}`;
    assertEquals(samples.get(`websocket_messages_total${label}`), 1);
    assertEquals(samples.get(`websocket_payload_bytes_total${label}`), 5);
  }
  const received = 'websocket_wire_bytes_total{direction="received"}';
  assertEquals(samples.get(received), 11 + 8 + 8);
  assertEquals(samples.get("websocket_errors_total"), 0);
  program.interrupt();
  assertEquals(await program.exited, 0, program.stderr);
}, { timeout: START_LIMIT, lacks: lacksInterrupt });
