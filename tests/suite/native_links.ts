/** The native engines: `Deno.serve` and `Bun.serve`, with a peer over TCP. */

import { BUN_CAPABILITIES } from "../../src/runtime/bun/transport.ts";
import { DENO_CAPABILITIES } from "../../src/runtime/deno/transport.ts";
import { startNative } from "../support/native.ts";
import type { Fixture } from "./fixture.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { TCP_IN_FLIGHT } from "./wire_links.ts";

/** The native engine of a runtime. */
export function native(runtime: "deno" | "bun"): Fixture {
  return {
    name: `native server on ${runtime === "deno" ? "Deno" : "Bun"}`,
    engine: "native",
    side: "server",
    capabilities: runtime === "deno" ? DENO_CAPABILITIES : BUN_CAPABILITIES,
    only: runtime,
    async open(options) {
      const server = startNative(options);
      const [{ peer }, { conn }] = await Promise.all([
        RawPeer.upgrade(server.port),
        server.accept(),
      ]);
      return {
        conn,
        peer,
        inFlight: TCP_IN_FLIGHT,
        release: () => server[Symbol.asyncDispose](),
      };
    },
  };
}
