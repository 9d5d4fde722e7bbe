import {
  type Case,
  type Chunks,
  type Group,
  inFragments,
  type Step,
  theBinary,
  theText,
} from "../case.ts";
import { compareIds } from "../case_list.ts";
import type { Received } from "../inbox.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const TEXT = new TextEncoder().encode("BAsd7&jh23");
const BINARY = new Uint8Array([0x00, 0xfe, 0x23, 0xfa, 0xf0]);
const SIZES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
const FRAGMENTS = [
  ...[64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB],
  ...[MIB, 4 * MIB],
];
const CHOPS = [64, 128, 256, 512, KIB, 2 * KIB];
const ROUND_TRIPS = [0, 16, 64, 256, KIB, 4 * KIB];
/** By which the figures are divided, unless the run is a full one. */
const LESS = 16;

type Type = 1 | 2;

function dataOf(type: Type, size: number): Uint8Array {
  const pattern = type === 1 ? TEXT : BINARY;
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at += pattern.length) {
    data.set(pattern.subarray(0, size - at), at);
  }
  return data;
}

function eventOf(type: Type, data: Uint8Array): Received {
  return type === 1 ? theText(data) : theBinary(data);
}

function nameOf(type: Type): string {
  return type === 1 ? "text" : "binary message";
}

function one(
  id: string,
  type: Type,
  size: number,
  options: { fragment?: number; chunks?: readonly Chunks[]; less?: number },
): Case {
  const { fragment, chunks = ["whole"], less = LESS } = options;
  const how = fragment === undefined ? "" : ` in fragments of ${fragment}`;
  return {
    id,
    sends: `a ${nameOf(type)} of ${size} bytes${how}`,
    chunks,
    script(full) {
      const data = dataOf(type, full ? size : size / less);
      return {
        sends: inFragments(type, data, fragment ?? data.length),
        expects: [eventOf(type, data)],
        end: { by: "peer" },
      };
    },
  };
}

function roundTrips(id: string, type: Type, size: number): Case {
  const COUNT = 1000;
  return {
    id,
    sends: `a ${nameOf(type)} of ${size} bytes, ${COUNT} times in turn`,
    chunks: ["whole"],
    script(full) {
      const data = dataOf(type, size);
      const count = full ? COUNT : Math.ceil(COUNT / LESS);
      const steps: Step[] = Array.from({ length: count }, (_, i) => [
        { opcode: type, payload: data },
        { until: i + 1 },
      ]).flat();
      return {
        sends: steps,
        expects: new Array<Received>(count).fill(eventOf(type, data)),
        end: { by: "peer" },
      };
    },
  };
}

function cases(
  chapter: string,
  list: readonly number[],
  make: (id: string, value: number) => Case,
): Case[] {
  return list.map((value, i) => make(`${chapter}.${i + 1}`, value));
}

/** Large messages, many fragments, small chunks, many round trips. */
export const limits: Group = {
  number: 9,
  name: "Limits and performance",
  cases: ([1, 2] as const).flatMap((type) => {
    const by = (odd: number) => `9.${odd + type - 1}`;
    return [
      ...cases(by(1), SIZES, (id, size) =>
        // The largest that the default limit takes stays as it is.
        one(id, type, size, { less: size === 16 * MIB ? 1 : LESS })),
      ...cases(
        by(3),
        FRAGMENTS,
        (id, fragment) => one(id, type, 4 * MIB, { fragment }),
      ),
      ...cases(
        by(5),
        CHOPS,
        (id, chop) => one(id, type, MIB, { chunks: [chop] }),
      ),
      ...cases(by(7), ROUND_TRIPS, (id, size) => roundTrips(id, type, size)),
    ];
  }).sort((a, b) => compareIds(a.id, b.id)),
};
