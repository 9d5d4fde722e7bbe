/**
 * The load generator, a process of its own on Bun. It opens its connections,
 * warms the server up, measures, and prints one line of JSON, a
 * {@linkcode LoadResult}.
 *
 *     bun tests/bench/load.ts --url ws://127.0.0.1:8080/ [--kind echo]
 *       [--conns 32] [--depth 16] [--size 64] [--type binary|text] [--rate 1000]
 *       [--compressed] [--http2] [--seconds 2] [--warmup 0.5] [--pid SERVER]
 *
 * Kinds: `echo` keeps `depth` messages in flight on each connection; `paced`
 * sends `rate` messages a second, whenever those before come back;
 * `connect` opens and closes connections, `conns` at a time; `broadcast` makes
 * one connection ask for `depth` messages to all; `stream` sends one message of `size`
 * bytes and reads it back; `idle` echoes once and then only stays, until its
 * standard input ends.
 *
 * @module
 */

import { text } from "node:stream/consumers";
import process from "node:process";
import { parseArgs } from "node:util";

import {
  clientFrame,
  clientHeader,
  deflated,
  jsonText,
  letters,
  mask,
  ReplyCounter,
  upgradeRequest,
} from "./load/frames.ts";
import { Histogram } from "./load/histogram.ts";
import { Pace } from "./load/pace.ts";
import { openPeers, Peer, type Target } from "./load/peer.ts";
import { cpuSeconds, resident } from "../support/process/proc.ts";

/** What the generator prints. */
export interface LoadResult {
  /** Messages that came back, or connections that were opened. */
  readonly messages: number;
  /** Bytes of their payloads, as they came over the wire. */
  readonly bytes: number;
  /** How long that took. */
  readonly seconds: number;
  /** Round trips in microseconds, waiting in the pipeline included. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** The p99 of how late a paced message was sent, in microseconds. */
  readonly late?: number;
  /** The CPU seconds that this process used. */
  readonly ownCpu: number;
  /** The CPU seconds that the server used, where they can be had. */
  readonly serverCpu?: number | undefined;
  /** The server's resident bytes at the end, where they can be had. */
  readonly serverRss?: number | undefined;
}

interface Options {
  readonly target: Target;
  readonly conns: number;
  readonly depth: number;
  readonly size: number;
  readonly type: 1 | 2;
  /** Messages a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly seconds: number;
  readonly warmup: number;
  readonly pid: number | undefined;
}

const CHUNK = 262_144;

/** What has been counted since the warm-up. */
class Meter {
  messages = 0;
  bytes = 0;
  readonly times: Histogram;
  readonly #pid: number | undefined;
  #start = 0;
  #serverCpu: number | undefined;
  #ownCpu = process.cpuUsage();

  constructor(pid: number | undefined, times: Histogram = new Histogram()) {
    this.#pid = pid;
    this.times = times;
    this.start();
  }

  start(): void {
    this.messages = this.bytes = 0;
    this.times.clear();
    if (this.#pid !== undefined) this.#serverCpu = cpuSeconds(this.#pid);
    this.#ownCpu = process.cpuUsage();
    this.#start = performance.now();
  }

  result(): LoadResult {
    const seconds = (performance.now() - this.#start) / 1000;
    const { user, system } = process.cpuUsage(this.#ownCpu);
    const pid = this.#pid;
    const serverCpu = pid === undefined ? undefined : cpuSeconds(pid);
    return {
      messages: this.messages,
      bytes: this.bytes,
      seconds,
      p50: this.times.quantile(0.5),
      p99: this.times.quantile(0.99),
      p999: this.times.quantile(0.999),
      ownCpu: (user + system) / 1e6,
      serverCpu: serverCpu === undefined || this.#serverCpu === undefined
        ? undefined
        : serverCpu - this.#serverCpu,
      serverRss: pid === undefined ? undefined : resident(pid)?.now,
    };
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      kind: { type: "string", default: "echo" },
      conns: { type: "string", default: "32" },
      depth: { type: "string", default: "16" },
      size: { type: "string", default: "64" },
      type: { type: "string", default: "binary" },
      rate: { type: "string", default: "1000" },
      compressed: { type: "boolean", default: false },
      http2: { type: "boolean", default: false },
      seconds: { type: "string", default: "2" },
      warmup: { type: "string", default: "0.5" },
      pid: { type: "string" },
    },
  });
  const { compressed } = values;
  const url = new URL(values.url ?? "");
  const request = upgradeRequest(url, compressed);
  const options: Options = {
    target: { url, request, compressed, http2: values.http2 },
    conns: Number(values.conns),
    depth: Number(values.depth),
    size: Number(values.size),
    type: values.type === "text" ? 1 : 2,
    rate: Number(values.rate),
    seconds: Number(values.seconds) * 1000,
    warmup: Number(values.warmup) * 1000,
    pid: values.pid === undefined ? undefined : Number(values.pid),
  };
  const kinds: Record<string, (options: Options) => Promise<LoadResult>> = {
    __proto__: null!,
    echo,
    paced,
    connect,
    broadcast,
    stream,
    idle,
  };
  const kind = kinds[values.kind];
  if (kind === undefined) throw new Error(`Unknown kind ${values.kind}`);
  console.log(JSON.stringify(await kind(options)));
  if (values.kind === "idle") await text(process.stdin);
  process.exit();
}

async function measure(meter: Meter, options: Options): Promise<LoadResult> {
  await new Promise((resolve) => setTimeout(resolve, options.warmup));
  meter.start();
  // A short measurement may fall into a pause of either process.
  do {
    await new Promise((resolve) => setTimeout(resolve, options.seconds));
  } while (meter.messages === 0);
  return meter.result();
}

async function echo(options: Options): Promise<LoadResult> {
  const { target, conns, depth } = options;
  const { frame, replySize } = echoFrame(options);
  // One write for as many frames as are due.
  const frames = new Uint8Array(frame.length * depth);
  for (let i = 0; i < depth; i++) frames.set(frame, i * frame.length);
  const runs = Array.from(
    { length: depth + 1 },
    (_, count) => frames.subarray(0, count * frame.length),
  );
  const meter = new Meter(options.pid);
  const peers = await openPeers(target, conns);
  for (const peer of peers) {
    const counter = new ReplyCounter(options.type, replySize);
    // When the messages in flight were sent, the next to come back first.
    const sent = new Float64Array(depth).fill(performance.now());
    let first = 0;
    peer.receive = (chunk) => {
      const before = counter.bytes;
      const count = counter.push(chunk);
      meter.bytes += counter.bytes - before;
      if (count === 0) return;
      const now = performance.now();
      for (let i = 0; i < count; i++) {
        meter.times.add((now - sent[first]!) * 1000);
        sent[first] = now;
        if (++first === depth) first = 0;
      }
      meter.messages += count;
      peer.write(runs[count]!);
    };
  }
  for (const peer of peers) peer.write(runs[depth]!);
  return await measure(meter, options);
}

async function paced(options: Options): Promise<LoadResult> {
  const { target, conns, rate, size } = options;
  const { frame, replySize } = echoFrame(options);
  const peers = await openPeers(target, conns);
  const warmup = Math.ceil(rate * options.warmup / 1000);
  const count = Math.ceil(rate * options.seconds / 1000);
  const pace = new Pace({ conns, rate, warmup, count });
  const meter = new Meter(options.pid, pace.times);
  const done = Promise.withResolvers<void>();
  const start = performance.now();
  const now = () => performance.now() - start;
  for (const [conn, peer] of peers.entries()) {
    const counter = new ReplyCounter(options.type, replySize);
    peer.receive = (chunk) => {
      pace.answer(conn, counter.push(chunk), now());
      if (pace.answered) done.resolve();
    };
  }
  const send = () => {
    // No more than once around, so that what comes is read in between.
    for (let i = 0; i < conns; i++) {
      const conn = pace.take(now());
      if (conn === undefined) break;
      peers[conn]!.write(frame);
      if (pace.warm) meter.start();
    }
    // No timer is finer than a millisecond.
    if (!pace.over) setImmediate(send);
  };
  send();
  await done.promise;
  meter.messages = count;
  meter.bytes = count * size;
  return { ...meter.result(), late: pace.late.quantile(0.99) };
}

function echoFrame(
  options: Options,
): { frame: Uint8Array; replySize: number | undefined } {
  const { size, type, target } = options;
  if (!target.compressed) {
    return { frame: clientFrame(0x80 | type, letters(size)), replySize: size };
  }
  const payload = deflated(new TextEncoder().encode(jsonText(size)));
  // What it is compressed to is the server's business.
  return { frame: clientFrame(0xc0 | type, payload), replySize: undefined };
}

async function connect(options: Options): Promise<LoadResult> {
  const meter = new Meter(options.pid);
  const goodbye = clientFrame(0x88, new Uint8Array([0x03, 0xe8]));
  let over = false;
  const open = async () => {
    while (!over) {
      const start = performance.now();
      const peer = await Peer.open(options.target);
      meter.messages++;
      meter.times.add((performance.now() - start) * 1000);
      peer.write(goodbye);
      peer.end();
    }
  };
  const workers = Array.from({ length: options.conns }, open);
  const result = await measure(meter, options);
  over = true;
  await Promise.all(workers);
  return result;
}

async function broadcast(options: Options): Promise<LoadResult> {
  const { conns, depth, target, size } = options;
  const meter = new Meter(options.pid);
  const peers = await openPeers(target, conns);
  const trigger = clientFrame(0x81, letters(1));
  const text = target.compressed ? undefined : jsonText(size).length;
  let left = conns;
  let start = performance.now();
  for (const peer of peers) {
    const counter = new ReplyCounter(1, text);
    peer.receive = (chunk) => {
      const before = counter.bytes;
      const count = counter.push(chunk);
      meter.bytes += counter.bytes - before;
      meter.messages += count;
      left -= count;
      if (left > 0) return;
      const now = performance.now();
      meter.times.add((now - start) * 1000);
      start = now;
      left = conns * depth;
      peers[0]!.write(trigger);
    };
  }
  // All have joined when each has heard something.
  for (const peer of peers) peer.write(trigger);
  return await measure(meter, options);
}

async function stream(options: Options): Promise<LoadResult> {
  const { target, size } = options;
  const peer = await Peer.open(target);
  const counter = new ReplyCounter(2, size);
  const chunk = mask(letters(CHUNK));
  const meter = new Meter(options.pid);
  const done = Promise.withResolvers<void>();
  peer.receive = (bytes) => {
    meter.messages += counter.push(bytes);
    if (meter.messages > 0) done.resolve();
  };
  let left = size;
  peer.drained = () => {
    while (left > 0) {
      const part = left < CHUNK ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      if (!peer.write(part)) return;
    }
  };
  if (peer.write(clientHeader(0x82, size))) peer.drained();
  await done.promise;
  meter.bytes = counter.bytes;
  return meter.result();
}

async function idle(options: Options): Promise<LoadResult> {
  const { target, conns, size, type } = options;
  const meter = new Meter(options.pid);
  const frame = clientFrame(0x80 | type, letters(size));
  const peers = await openPeers(target, conns);
  await Promise.all(peers.map((peer) => {
    const counter = new ReplyCounter(type, size);
    return new Promise<void>((resolve) => {
      peer.receive = (chunk) => {
        meter.messages += counter.push(chunk);
        resolve();
      };
      peer.write(frame);
    });
  }));
  return meter.result();
}

await main();
