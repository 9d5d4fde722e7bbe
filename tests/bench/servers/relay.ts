/**
 * Two hubs on one broker: how long a message takes from `publish()` on the one
 * to a subscriber of the other, and how many go a second. Its arguments are the
 * name of the broker's case, the port of its server and the seconds that each
 * takes; it prints one line of JSON, a {@linkcode RelayResult}.
 */

import process from "node:process";

import { Hub } from "../../../src/pubsub/mod.ts";
import { CASES } from "../../interop/brokers/cases.ts";
import { Histogram } from "../load/histogram.ts";

/** What it prints. */
export interface RelayResult {
  /** Microseconds from `publish()` to the subscriber, one at a time. */
  readonly p50: number;
  readonly p99: number;
  /** Messages a second, with a hundred under way. */
  readonly rate: number;
}

const SIZE = 1024;
const DEPTH = 100;

const [name, port, seconds] = process.argv.slice(2);
const one = CASES.find((one) => one.name === name);
if (one === undefined) throw new Error(`There is no broker ${name}`);
const time = Number(seconds) * 1000;
const clients = [
  await one.connect(Number(port)),
  await one.connect(Number(port)),
];
const [from, to] = clients.map(({ broker }) => new Hub({ broker }));
await from!.ready;
const message = "x".repeat(SIZE);

let heard: () => void = () => {};
await to!.subscribe("topic", () => heard());

const times = new Histogram();
for (const warm of [true, false]) {
  const end = performance.now() + time;
  while (performance.now() < end) {
    const start = performance.now();
    await new Promise<void>((resolve) => {
      heard = resolve;
      from!.publish("topic", message);
    });
    if (!warm) times.add((performance.now() - start) * 1000);
  }
}

let count = 0;
let left = DEPTH;
const { promise, resolve } = Promise.withResolvers<void>();
const start = performance.now();
heard = () => {
  count++;
  if (performance.now() - start < time) from!.publish("topic", message);
  else if (--left === 0) resolve();
};
for (let i = 0; i < DEPTH; i++) from!.publish("topic", message);
await promise;
const rate = count / (performance.now() - start) * 1000;

const result: RelayResult = {
  p50: times.quantile(0.5),
  p99: times.quantile(0.99),
  rate,
};
console.log(JSON.stringify(result));
for (const hub of [from!, to!]) await hub.close();
process.exit();
