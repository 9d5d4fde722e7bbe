/** What keepalive watches. */
export interface KeepAliveTarget {
  /** Grows with everything that is received. */
  readonly received: number;
  /** Whether we have stopped the peer: then it cannot be heard. */
  readonly paused: boolean;
  /** Asks for a sign of life. */
  probe(): void;
  /** The peer has been silent for too long. */
  expire(): void;
}

/** When the peer is asked, and when it is given up, in milliseconds. */
export interface KeepAliveTimes {
  readonly interval: number;
  readonly timeout: number;
}

// Silence is noticed at the latest an eighth of the time too late, but the
// clock ticks once a second at most.
const TICKS = 8;
const MAX_PERIOD = 1000;

// A tick that comes later than this many periods tells that this process was
// kept from its work, or asleep: it heard nobody meanwhile.
const MAX_LATE = 2;

const watches: Set<Watch> = new Set();
let period = Infinity;
let timer: ReturnType<typeof setTimeout> | undefined;
// Milliseconds in which peers could be heard, up to the last tick.
let clock = 0;
let ticked = 0; // when that was, by `performance.now()`

/** One connection's watch. One clock serves all of them, not a timer each. */
export class Watch {
  readonly #target: KeepAliveTarget;
  readonly #times: KeepAliveTimes;
  readonly period: number;
  #received: number;
  #heard: number; // when something was received last
  #pinged: number | undefined; // when the open ping was sent
  #asked: number; // when it was heard or, while it cannot be, pinged last

  constructor(target: KeepAliveTarget, times: KeepAliveTimes, now: number) {
    this.#target = target;
    this.#times = times;
    this.period = Math.min(
      Math.min(times.interval, times.timeout) / TICKS,
      MAX_PERIOD,
    );
    this.#received = target.received;
    this.#heard = this.#asked = now;
  }

  stop(): void {
    if (watches.delete(this) && watches.size === 0) {
      clearTimeout(timer);
      period = Infinity;
    }
  }

  tick(now: number): void {
    const target = this.#target;
    if (target.paused || target.received !== this.#received) {
      this.#received = target.received;
      this.#heard = now;
      this.#pinged = undefined;
      if (!target.paused) {
        this.#asked = now;
      } else if (now - this.#asked >= this.#times.interval) {
        // Not to hear it: what is sent to a peer that has vanished fails.
        this.#asked = now;
        target.probe();
      }
    } else if (this.#pinged !== undefined) {
      if (now - this.#pinged >= this.#times.timeout) target.expire();
    } else if (now - this.#heard >= this.#times.interval) {
      this.#pinged = now;
      target.probe();
    }
  }
}

/** Watches a connection until it is stopped. */
export function keepAlive(
  target: KeepAliveTarget,
  times: KeepAliveTimes,
): Watch {
  if (watches.size === 0) ticked = performance.now();
  const watch = new Watch(target, times, heardTime());
  watches.add(watch);
  if (watch.period < period) {
    period = watch.period;
    schedule();
  }
  return watch;
}

function schedule(): void {
  clearTimeout(timer);
  timer = setTimeout(tick, period);
}

function heardTime(): number {
  return clock + Math.min(performance.now() - ticked, MAX_LATE * period);
}

function tick(): void {
  const now = clock = heardTime();
  ticked = performance.now();
  let shortest = Infinity;
  for (const watch of watches) {
    shortest = Math.min(shortest, watch.period);
    watch.tick(now);
  }
  if (watches.size === 0) return;
  period = shortest;
  schedule();
}
