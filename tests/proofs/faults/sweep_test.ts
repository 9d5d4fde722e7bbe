/**
 * Every fault at the bytes of a session, between a server and a dialer.
 * `README.md` beside it says which bytes.
 */

import process from "node:process";

import { assert, assertEquals } from "@std/assert";

import type { Engine, Side } from "../../../src/transport/transport.ts";
import { deferred, runtime, test } from "../../support/helper.ts";
import { Places } from "../../support/places.ts";
import { DIRECTIONS, type Fault, FAULTS, type Plan } from "./faulty_link.ts";
import { borders, type Landmarks, type Profile } from "./landmarks.ts";
import { judge } from "./oracle.ts";
import {
  describe,
  HASTY,
  PATIENT,
  PATIENT_NATIVE,
  type Run,
  Stage,
} from "./stage.ts";

// What `deno task faults` sets.
const EVERY = process.env.FAULTS === "all";
// Bytes from one fault to the next elsewhere, borders apart. What takes no time
// comes at each byte; the others have primes, which fall in with nothing.
const STRIDES: Readonly<Record<Engine, Readonly<Record<Fault, number>>>> = {
  wire: { fin: 1, reset: 1, "half-close": 1, stall: 13, trickle: 7 },
  native: { fin: 7, reset: 7, "half-close": 7, stall: 29, trickle: 29 },
};

// Links at a time, and those whose fault is still to come: a stall takes nothing
// but time from then on.
const LINKS = EVERY ? 640 : 160;
const BUSY_LINKS = 32;
const TIMEOUT = EVERY ? 300_000 : 60_000;
const MAX_SHOWN = 10;

/** The bytes behind which the fault comes, of a direction. */
function chosen(marks: Landmarks, stride: number): number[] {
  const { total } = marks;
  const near = borders(marks).flatMap((at) => [at - 1, at, at + 1]);
  const offsets = new Set(near);
  for (let at = 0; at <= total; at += stride) offsets.add(at);
  return [...offsets].filter((at) => at >= 0 && at <= total)
    .sort((a, b) => a - b);
}

async function sweep(
  engine: Engine,
  closer: Side,
  fault: Fault,
): Promise<void> {
  const times = fault === "stall"
    ? HASTY
    : engine === "wire"
    ? PATIENT
    : PATIENT_NATIVE;
  await using stage = await Stage.open(engine, closer, times);
  const profile = await stage.profile();
  const stride = EVERY ? 1 : STRIDES[engine][fault];
  const plans = DIRECTIONS.flatMap((direction) =>
    chosen(profile[direction], stride).map((offset) => (
      { fault, direction, offset }
    ))
  ).filter((plan) => !denoForgets(engine, plan, profile));
  const runs = await runAll(stage, plans);
  await stage.idle();
  assertHit(runs, plans);
  check(runs, profile);
  // The server goes on.
  const whole = await stage.run();
  await stage.idle();
  check([whole], profile);
}

/**
 * The upgrade of a peer whose RST comes right behind its request stays with Deno
 * for ever: `op_http_upgrade_websocket_next` does not end.
 */
function denoForgets(engine: Engine, plan: Plan, profile: Profile): boolean {
  return engine === "native" && runtime === "deno" && plan.fault === "reset" &&
    plan.direction === "to the server" &&
    plan.offset === profile["to the server"].head;
}

/** Every fault has come about, at its byte. */
function assertHit(runs: readonly Run[], plans: readonly Plan[]): void {
  const hits = runs.filter(({ link }) => link.fired).map(({ link, plan }) => {
    const { fault, direction, offset } = plan!;
    if (fault !== "trickle") assertEquals(link.carried(direction), offset);
    return plan!;
  });
  const names = (plans: readonly Plan[]) => plans.map(describe).sort();
  assertEquals(names(hits), names(plans));
}

async function runAll(
  stage: Stage,
  plans: readonly Plan[],
): Promise<Run[]> {
  const runs: Promise<Run>[] = [];
  const links = new Places(LINKS);
  const busy = new Places(BUSY_LINKS);
  for (const plan of plans) {
    await links.take();
    await busy.take();
    const fired = deferred();
    const run = stage.run(plan, (link) => link.onFire = fired.resolve);
    runs.push(run);
    const over = run.then(links.free, links.free);
    const isBusy = plan.fault === "stall"
      ? Promise.race([fired.promise, over])
      : over;
    isBusy.then(busy.free);
  }
  return await Promise.all(runs);
}

function check(runs: readonly Run[], profile: Profile): void {
  const wrong = runs.flatMap((run) => {
    const faults = judge(run, profile);
    return faults.length === 0
      ? []
      : [`${describe(run.plan)}:\n  ${faults.join("\n  ")}`];
  });
  assert(
    wrong.length === 0,
    `${wrong.length} of ${runs.length}:\n${
      wrong.slice(0, MAX_SHOWN).join("\n")
    }`,
  );
}

test("the session of the faults has one of everything", async () => {
  await using stage = await Stage.open("wire", "client", PATIENT);
  for (const { frames } of Object.values(await stage.profile())) {
    const kinds = new Set(
      frames.map(({ fin, rsv1, opcode }) =>
        `${opcode}${fin ? "" : " begun"}${rsv1 ? " compressed" : ""}`
      ),
    );
    for (
      const kind of ["1", "2", "1 begun compressed", "0 begun", "0", "9", "10"]
    ) {
      assert(kinds.has(kind), `there is no ${kind} in ${[...kinds]}`);
    }
    assert(kinds.has("1 compressed") && kinds.has("8"));
  }
});

for (const engine of ["wire", "native"] as const) {
  for (const closer of ["client", "server"] as const) {
    for (const fault of FAULTS) {
      test(
        `serve() on ${engine} and the Dialer outlive a ${fault} at any byte, ` +
          `the ${closer} closing`,
        () => sweep(engine, closer, fault),
        { timeout: TIMEOUT },
      );
    }
  }
}
