/** Who has published what, in numbers: what shows repeats and holes. */

import type { Mark } from "./envelope.ts";

// In so many beats the last number of a topic is named; then its count is
// dropped, so that topics that are used once cost nothing for long.
const NAMED = 3;

interface Count {
  readonly epoch: number;
  number: number;
  voided: number;
  /** Messages whose fate is not known. */
  pending: number;
  /** What the next beats name. */
  mark: Mark | undefined;
  named: number;
}

/** The numbers of what this hub publishes. */
export class Sent {
  readonly #counts: Map<string, Count> = new Map();
  #epoch = 0;

  /** The last epoch that has begun. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The number of a topic's next message, which `settle` is to follow. */
  next(topic: string): Mark {
    let count = this.#counts.get(topic);
    if (count === undefined) {
      const epoch = ++this.#epoch;
      count = {
        epoch,
        number: 0,
        voided: 0,
        pending: 0,
        mark: undefined,
        named: 0,
      };
      this.#counts.set(topic, count);
    }
    count.number++;
    count.pending++;
    const { epoch, number, voided } = count;
    return { epoch, number, voided };
  }

  /** What has become of a message. */
  settle(topic: string, accepted: boolean): void {
    // It is there as long as something is pending.
    const count = this.#counts.get(topic)!;
    count.pending--;
    if (!accepted) count.voided++;
  }

  /**
   * What a beat names: the last numbers as they were a beat ago. A broker need
   * not keep the order between channels, but what is that old has come.
   */
  marks(): [topic: string, mark: Mark][] {
    const marks: [string, Mark][] = [];
    for (const [topic, count] of this.#counts) {
      if (count.mark !== undefined && count.named < NAMED) {
        marks.push([topic, count.mark]);
        count.named++;
      }
      if (count.pending > 0) continue;
      const { epoch, number, voided } = count;
      if (count.mark?.number !== number || count.mark.voided !== voided) {
        count.mark = { epoch, number, voided };
        count.named = 0;
      } else if (count.named >= NAMED) {
        this.#counts.delete(topic);
      }
    }
    return marks;
  }
}

/** Where a hub stood when a topic was listened to for certain. */
export interface Start {
  /** The beat that has said so. */
  readonly beat: number;
  /** What begins later than this epoch is heard from its first message on. */
  readonly epoch: number;
}

/** The numbers that have come on one topic, by hub. */
export class Heard {
  readonly #last: Map<string, Mark> = new Map();
  readonly #starts: Map<string, Start> = new Map(); // until there is a last

  /** A hub says where it stands. The first time counts. */
  start(hub: string, start: Start): void {
    if (this.#last.has(hub) || this.#starts.has(hub)) return;
    this.#starts.set(hub, start);
  }

  /** Whether a message has come before. */
  isRepeat(hub: string, { epoch, number }: Mark): boolean {
    const last = this.#last.get(hub);
    return last !== undefined &&
      (epoch < last.epoch || epoch === last.epoch && number <= last.number);
  }

  /** Takes the number of a message that has come; how many before it are missed. */
  came(hub: string, mark: Mark): number {
    return this.#take(hub, mark, 1);
  }

  /** Takes the number that a beat has named; how many up to it are missed. */
  named(hub: string, mark: Mark, beat: number): number {
    // It is a beat old, and so may be of a time when nobody listened: what was
    // published just behind it would seem to be missed.
    const start = this.#starts.get(hub);
    const isOfNow = this.#last.has(hub) ||
      start !== undefined && beat > start.beat;
    return isOfNow ? this.#take(hub, mark, 0) : 0;
  }

  #take(hub: string, mark: Mark, came: 0 | 1): number {
    if (this.isRepeat(hub, mark)) return 0;
    const last = this.#last.get(hub);
    const start = this.#starts.get(hub);
    this.#last.set(hub, mark);
    this.#starts.delete(hub);
    const all = mark.number - mark.voided;
    if (last === undefined) {
      const fromFirst = start !== undefined && mark.epoch > start.epoch;
      return fromFirst ? Math.max(0, all - came) : 0;
    }
    const before = mark.epoch === last.epoch ? last.number - last.voided : 0;
    // One that was heard although its publish() has rejected counts for less.
    return Math.max(0, all - before - came);
  }

  /** Forgets a hub that has gone. */
  forget(hub: string): void {
    this.#last.delete(hub);
    this.#starts.delete(hub);
  }
}
