/**
 * The one way tests are registered: with `Deno.test` on Deno and `bun:test` on
 * Bun, each with a time limit and with the leak gauge of `./leak_gauge.ts`.
 *
 * @module
 */

import { takeGauge } from "./leak_gauge.ts";

/** What {@linkcode test} takes beside the name and the body. */
export interface TestOptions {
  /** Time limit of the body in milliseconds. Default 10,000. */
  timeout?: number;
  /** Registers the test on this runtime only. Default: on both. */
  only?: "deno" | "bun";
  /**
   * The declared capability that what is tested does not have. The test is
   * then reported as ignored, under its name and this reason. There is no
   * other way to skip a test.
   */
  lacks?: string | undefined;
}

/** A promise with the two functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason: unknown) => void;
}

interface NodeTest {
  (name: string, fn: () => Promise<void>): void;
  skip(name: string, fn: () => void): void;
}

interface BunTest {
  (name: string, fn: () => Promise<void>, timeout: number): void;
  skip(name: string, fn: () => void): void;
}

/** The runtime that the test runs on. */
export const runtime: "deno" | "bun" = "Bun" in globalThis ? "bun" : "deno";

const DEFAULT_TIMEOUT = 30_000;
/** A wait is as many shorter ones: a stalled process loses one of them. */
const SLICES = 10;
/** What the runner allows beyond our own limit, which names the test. */
const GRACE = 10_000;

// A specifier that Deno's checker does not try to resolve.
const bunTestModule: string = "bun:test";
const bunTest: BunTest | undefined = runtime === "bun"
  ? (await import(bunTestModule)).test
  : undefined;

// Node runs the suite of `Conn` over HTTP/2: see tests/interop/node_test.ts.
const nodeTest: NodeTest | undefined = runtime === "bun" || "Deno" in globalThis
  ? undefined
  : (await import("node:test")).test as NodeTest;

/**
 * Registers a test. It fails if the body throws or rejects, if it takes longer
 * than `timeout`, or if it leaves a socket or a timer behind.
 */
export function test(
  name: string,
  fn: () => void | Promise<void>,
  options: TestOptions = {},
): void {
  const { timeout = DEFAULT_TIMEOUT, only, lacks } = options;
  if (only !== undefined && only !== runtime) return;
  if (lacks !== undefined) return ignore(`${name} (lacks ${lacks})`);
  const body = async (): Promise<void> => {
    const gauge = takeGauge();
    try {
      await withTimeout(run(fn), timeout, `the test "${name}"`);
      await gauge.settle();
    } finally {
      gauge.stop();
    }
  };
  if (bunTest !== undefined) return bunTest(name, body, timeout + GRACE);
  if (nodeTest !== undefined) return nodeTest(name, body);
  Deno.test({ name, fn: body, sanitizeOps: true, sanitizeResources: true });
}

function ignore(name: string): void {
  if (nodeTest !== undefined) return nodeTest.skip(name, () => {});
  if (bunTest !== undefined) return bunTest.skip(name, () => {});
  Deno.test({ name, ignore: true, fn: () => {} });
}

async function run(fn: () => void | Promise<void>): Promise<void> {
  await fn();
}

/** A promise to be settled by hand. */
export function deferred<T = void>(): Deferred<T> {
  return Promise.withResolvers<T>();
}

/**
 * The outcome of `promise`, or a rejection that names `what` was waited for
 * once `ms` milliseconds have passed. A bound on a wait, never a sleep.
 */
export async function withTimeout<T>(
  promise: Promise<T>,
  ms: number,
  what: string,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (slices: number) => {
    if (slices > 0) {
      timer = setTimeout(() => wait(slices - 1), ms / SLICES);
    } else {
      late.reject(new Error(`Cannot wait for ${what} longer than ${ms} ms`));
    }
  };
  wait(SLICES);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The bytes of a hex literal; white space is free.
 *
 * @throws {TypeError} If there is anything but pairs of hex digits.
 */
export function hex(literal: string): Uint8Array<ArrayBuffer> {
  const digits = literal.replace(/\s+/g, "");
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) {
    throw new TypeError(`Cannot read the hex literal "${literal}"`);
  }
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** The bytes as a hex literal, in lower case with spaces: `81 05 48`. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join(" ");
}
