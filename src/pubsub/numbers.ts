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

// Steps of a hub that are kept: one for each beat with new epochs.
const STEPS = 64;

/**
 * Where a hub stood at its beats. A topic that is listened to is heard for
 * certain from the first beat on whose predecessor came later: that one may have
 * been on its way, this one was sent behind it. It is looked up when the topic's
 * first number comes, so that a beat costs the same for any number of topics.
 *
 * Only the last steps are kept. A topic that has listened for longer takes the
 * oldest of them for its start: of epochs up to that one, whose last numbers no
 * beat has named in all that time, the loss is not told.
 */
export class Stand {
  // What no later beat has said anew, the oldest first.
  readonly #steps: { before: number; readonly epoch: number }[] = [];
  #heardAt = -Infinity;
  #before = -Infinity; // when the beat before the last was heard
  #earlier = -Infinity; // and the one before that

  /** A beat was heard, with the last epoch that the hub has begun. */
  beat(epoch: number, now: number): void {
    this.#earlier = this.#before;
    this.#before = this.#heardAt;
    this.#heardAt = now;
    const last = this.#steps.at(-1);
    if (last?.epoch === epoch) last.before = this.#before;
    else this.#steps.push({ before: this.#before, epoch });
    if (this.#steps.length > STEPS) this.#steps.shift();
  }

  /**
   * What begins later than this epoch is heard from its first message on, by who
   * listens since then; `Infinity` as long as nothing is certain.
   */
  start(since: number): number {
    return this.#steps.find(({ before }) => before > since)?.epoch ?? Infinity;
  }

  /**
   * Whether what the last beat names was heard by who listens since then: it is a
   * beat old, and so may be of a time when nobody listened.
   */
  names(since: number): boolean {
    return this.#earlier > since;
  }
}

/** The numbers that have come on one topic, by hub. */
export class Heard {
  readonly #last: Map<string, Mark> = new Map();
  /** When the broker confirmed the topic, by `performance.now()`. */
  since: number = Infinity;

  /** Whether a message has come before. */
  isRepeat(hub: string, { epoch, number }: Mark): boolean {
    const last = this.#last.get(hub);
    return last !== undefined &&
      (epoch < last.epoch || epoch === last.epoch && number <= last.number);
  }

  /** Takes the number of a message that has come; how many before it are missed. */
  came(hub: string, mark: Mark, stand: Stand | undefined): number {
    return this.#take(hub, mark, 1, stand);
  }

  /** Takes the number that a beat has named; how many up to it are missed. */
  named(hub: string, mark: Mark, stand: Stand | undefined): number {
    // What was published just behind one of before would seem to be missed.
    const isOfNow = this.#last.has(hub) || stand?.names(this.since);
    return isOfNow ? this.#take(hub, mark, 0, stand) : 0;
  }

  #take(
    hub: string,
    mark: Mark,
    came: 0 | 1,
    stand: Stand | undefined,
  ): number {
    if (this.isRepeat(hub, mark)) return 0;
    const last = this.#last.get(hub);
    this.#last.set(hub, mark);
    const all = mark.number - mark.voided;
    if (last === undefined) {
      const start = stand?.start(this.since) ?? Infinity;
      return mark.epoch > start ? Math.max(0, all - came) : 0;
    }
    const before = mark.epoch === last.epoch ? last.number - last.voided : 0;
    // One that was heard although its publish() has rejected counts for less.
    return Math.max(0, all - before - came);
  }

  /** Forgets a hub that has gone. */
  forget(hub: string): void {
    this.#last.delete(hub);
  }
}
