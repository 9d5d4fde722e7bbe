/**
 * What hubs send each other through the broker, as text: a line of fields, and
 * the message itself.
 */

/** How far a hub is with a topic. */
export interface Mark {
  /** Which count of the hub's this is: it begins anew after a silence. */
  readonly epoch: number;
  /** The number of the last message, from 1. */
  readonly number: number;
  /** How many of them came to nothing: their `publish()` has rejected. */
  readonly voided: number;
}

/** A message to a topic. */
export interface Envelope extends Mark {
  /** The hub that it comes from. */
  readonly hub: string;
  /** Which connection of that hub does not get it; 0 for none. */
  readonly except: number;
  readonly data: string | Uint8Array<ArrayBuffer>;
}

/** A sign of life of a hub. */
export interface Beat {
  readonly hub: string;
  /** Its number, from 1; 0 for the last. */
  readonly beat: number;
  /** Milliseconds between two of them. */
  readonly heartbeat: number;
  /** The last epoch that the hub has begun. */
  readonly epoch: number;
  /** What the hub has published: by topic. */
  readonly marks: readonly [topic: string, mark: Mark][];
}

// The first field of all, so that a later form can be told apart.
const FORM = "1";
// Of the list in a beat, in bytes: PostgreSQL takes messages of 7,999.
const MAX_MARKS = 4000;

/** Writes an envelope. */
export function writeEnvelope(envelope: Envelope): string {
  const { hub, epoch, number, voided, except, data } = envelope;
  const isText = typeof data === "string";
  const fields = [FORM, hub, epoch, number, voided, except, isText ? "t" : "b"];
  return `${fields.join(" ")}\n${isText ? data : data.toBase64()}`;
}

/** Reads an envelope; `undefined` for anything else. */
export function readEnvelope(text: string): Envelope | undefined {
  const end = text.indexOf("\n");
  const fields = text.slice(0, Math.max(end, 0)).split(" ");
  if (fields.length !== 7 || fields[0] !== FORM) return undefined;
  const [epoch, number, voided, except] = fields.slice(2, 6).map(Number);
  if (
    !isCount(epoch) || !isCount(number) || !isCount(voided) || !isCount(except)
  ) return undefined;
  const hub = fields[1]!;
  const payload = text.slice(end + 1);
  if (fields[6] === "t") {
    return { hub, epoch, number, voided, except, data: payload };
  }
  if (fields[6] !== "b") return undefined;
  try {
    const data = Uint8Array.fromBase64(payload);
    return { hub, epoch, number, voided, except, data };
  } catch {
    return undefined;
  }
}

/** Writes a beat, in as many messages as its list needs. */
export function writeBeat(beat: Beat): string[] {
  const head = [FORM, beat.hub, beat.beat, beat.heartbeat, beat.epoch].join(
    " ",
  );
  const lists: string[][] = [[]];
  let size = 0;
  for (const [topic, { epoch, number, voided }] of beat.marks) {
    const item = JSON.stringify([topic, epoch, number, voided]);
    // A unit of UTF-16 has three bytes at the most.
    size += item.length * 3;
    if (size > MAX_MARKS && lists.at(-1)!.length > 0) {
      lists.push([]);
      size = item.length * 3;
    }
    lists.at(-1)!.push(item);
  }
  return lists.map((list) => `${head}\n[${list.join(",")}]`);
}

/** Reads a beat, or a part of one; `undefined` for anything else. */
export function readBeat(text: string): Beat | undefined {
  const end = text.indexOf("\n");
  const fields = text.slice(0, Math.max(end, 0)).split(" ");
  if (fields.length !== 5 || fields[0] !== FORM) return undefined;
  const [beat, heartbeat, epoch] = fields.slice(2).map(Number);
  if (!isCount(beat) || !isCount(epoch) || !(heartbeat! > 0)) return undefined;
  const marks: [string, Mark][] = [];
  try {
    for (const [topic, epoch, number, voided] of JSON.parse(text.slice(end))) {
      if (
        typeof topic !== "string" || !isCount(epoch) || !isCount(number) ||
        !isCount(voided)
      ) return undefined;
      marks.push([topic, { epoch, number, voided }]);
    }
  } catch {
    return undefined;
  }
  return { hub: fields[1]!, beat, heartbeat: heartbeat!, epoch, marks };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
