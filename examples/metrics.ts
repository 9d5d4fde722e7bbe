/**
 * An echo server that tells Prometheus what it does: see
 * http://localhost:8080/metrics, which is for your own network only.
 *
 *     deno run --allow-net --no-prompt examples/metrics.ts [--port 8080]
 *     bun run examples/metrics.ts [--port 8080]
 *
 * The metrics need nothing of the server: they see every connection that the
 * process serves, whatever made it.
 */

import { subscribe } from "node:diagnostics_channel";

import {
  type ChannelMessages,
  type Conn,
  type ConnStats,
  serve,
} from "../mod.ts";
import { beforeExit, port, run, text } from "./shared/command_line.ts";

type Event = keyof ChannelMessages;

/** Subscribes with the type that the channel's messages have. */
function on<E extends Event>(
  name: E,
  listener: (message: ChannelMessages[E]) => void,
): void {
  subscribe(name, (message) => listener(message as ChannelMessages[E]));
}

/** A number by the values of a label. */
class Counter {
  readonly #counts: Map<string | number, number>;

  constructor(counts: Iterable<[string | number, number]> = []) {
    this.#counts = new Map(counts);
  }

  add(value: string | number, count = 1): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + count);
  }

  copy(): Counter {
    return new Counter(this.#counts);
  }

  lines(name: string, label: string): string[] {
    return Array.from(
      this.#counts,
      ([value, count]) => `${name}{${label}="${value}"} ${count}`,
    );
  }
}

/** Seconds, as a summary without quantiles. */
class Seconds {
  #count = 0;
  #sum = 0;

  observe(milliseconds: number): void {
    this.#count++;
    this.#sum += milliseconds / 1000;
  }

  lines(name: string): string[] {
    return [`${name}_sum ${this.#sum}`, `${name}_count ${this.#count}`];
  }
}

/** What has gone through connections, by its direction. */
interface Totals {
  readonly messages: Counter;
  readonly bytes: Counter;
  readonly wireBytes: Counter;
}

function add(totals: Totals, stats: ConnStats): void {
  for (const direction of ["received", "sent"] as const) {
    const { messages, bytes, wireBytes = 0 } = stats[direction];
    totals.messages.add(direction, messages);
    totals.bytes.add(direction, bytes);
    totals.wireBytes.add(direction, wireBytes);
  }
}

const conns = new Set<Conn>(); // those that are open
const ended: Totals = { // of those that are over
  messages: new Counter(),
  bytes: new Counter(),
  wireBytes: new Counter(),
};
const closed = new Counter();
const refused = new Counter();
const durations = new Seconds();
const roundTrips = new Seconds();
let errors = 0;

// A peer may choose among two thousand codes: each would be a series of its own.
function codeLabel(code: number): string | number {
  return code < 3000 ? code : code < 4000 ? "3xxx" : "4xxx";
}

on("silverback.websocket.open", ({ conn, request }) => {
  if (request !== undefined) conns.add(conn); // a server's, not a client's
});
on("silverback.websocket.close", ({ conn, code, duration }) => {
  if (!conns.delete(conn)) return;
  add(ended, conn.stats);
  closed.add(codeLabel(code));
  durations.observe(duration);
});
on("silverback.websocket.refused", ({ status }) => refused.add(status));
on("silverback.websocket.error", () => errors++);
on("silverback.websocket.ping", ({ duration }) => roundTrips.observe(duration));

/** All metrics, in Prometheus's text format. */
function metrics(): string {
  const totals: Totals = {
    messages: ended.messages.copy(),
    bytes: ended.bytes.copy(),
    wireBytes: ended.wireBytes.copy(),
  };
  for (const conn of conns) add(totals, conn.stats);
  return [
    "# TYPE websocket_connections gauge",
    `websocket_connections ${conns.size}`,
    "# TYPE websocket_closed_total counter",
    ...closed.lines("websocket_closed_total", "code"),
    "# TYPE websocket_refused_total counter",
    ...refused.lines("websocket_refused_total", "status"),
    "# TYPE websocket_errors_total counter",
    `websocket_errors_total ${errors}`,
    "# TYPE websocket_duration_seconds summary",
    ...durations.lines("websocket_duration_seconds"),
    "# TYPE websocket_round_trip_seconds summary",
    ...roundTrips.lines("websocket_round_trip_seconds"),
    "# TYPE websocket_messages_total counter",
    ...totals.messages.lines("websocket_messages_total", "direction"),
    "# TYPE websocket_payload_bytes_total counter",
    ...totals.bytes.lines("websocket_payload_bytes_total", "direction"),
    "# TYPE websocket_wire_bytes_total counter",
    ...totals.wireBytes.lines("websocket_wire_bytes_total", "direction"),
    "",
  ].join("\n");
}

await run("metrics.ts", {
  port: port(8080),
  hostname: text("NAME", "127.0.0.1"),
}, async ({ port, hostname }) => {
  const server = await serve(async (conn) => {
    for await (const { type, data } of conn) {
      await conn.writeMessage(type, data);
    }
  }, {
    port,
    hostname,
    path: "/ws",
    fetch: ({ url }) =>
      new URL(url).pathname === "/metrics"
        ? new Response(metrics(), {
          headers: { "Content-Type": "text/plain; version=0.0.4" },
        })
        : new Response("See /metrics\n", { status: 404 }),
  });
  console.log(`Listening on http://${hostname}:${server.addr.port}/metrics`);
  beforeExit(() => server.shutdown());
});
