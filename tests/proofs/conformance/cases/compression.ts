import { jsonBytes, noiseBytes } from "../../../unit/deflate/samples.ts";
import {
  type Agreement,
  type Case,
  type Group,
  type Script,
  type Step,
  theBinary,
  theText,
} from "../case.ts";
import type { Received } from "../inbox.ts";

/** Bytes of a message, and of its fragments. */
const SIZES: readonly (readonly [size: number, fragment?: number])[] = [
  ...[16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072]
    .map((size) => [size] as const),
  [8192, 256],
  [16_384, 256],
  [32_768, 256],
  [65_536, 256],
  [131_072, 256],
  [131_072, 1024],
  [131_072, 4096],
  [131_072, 32_768],
];
const COUNT = 1000;
/** In a run that is not full: enough that a context is carried on. */
const SMALL_COUNT = 3;
const MATERIAL = 400_000;

/** What is compressed. Our own, each like one of Autobahn's files. */
const MATERIALS: readonly [
  name: string,
  type: 1 | 2,
  make: () => Uint8Array,
][] = [
  ["JSON", 1, () => jsonBytes(MATERIAL)],
  ["a picture", 2, picture],
  ["prose", 2, prose],
  ["HTML", 1, html],
  ["noise", 2, () => noiseBytes(MATERIAL)],
];

/**
 * What is agreed on: in which a peer that is a client offers, and in which one
 * that is a server answers to an offer of everything (RFC 7692, section 7.1).
 */
const AGREEMENTS: readonly [offers: string, answers: string][] = [
  [offer(), answer()],
  [offer("server_no_context_takeover"), answer("client_no_context_takeover")],
  [offer("server_max_window_bits=9"), answer("client_max_window_bits=9")],
  [offer("server_max_window_bits=15"), answer("client_max_window_bits=15")],
  [
    offer("server_no_context_takeover", "server_max_window_bits=9"),
    answer("client_no_context_takeover", "client_max_window_bits=9"),
  ],
  [
    offer("server_no_context_takeover", "server_max_window_bits=15"),
    answer("client_no_context_takeover", "client_max_window_bits=15"),
  ],
  // The first of several.
  [
    [
      offer("server_no_context_takeover", "server_max_window_bits=9"),
      offer("server_no_context_takeover"),
      offer(),
    ].join(", "),
    answer("client_no_context_takeover", "client_max_window_bits=9"),
  ],
];

function offer(...parameters: string[]): string {
  return [
    "permessage-deflate",
    "client_no_context_takeover",
    "client_max_window_bits",
    ...parameters,
  ].join("; ");
}

function answer(...parameters: string[]): string {
  return ["permessage-deflate", ...parameters].join("; ");
}

function picture(): Uint8Array {
  return new Uint8Array(MATERIAL).map((_, i) =>
    128 + 100 * Math.sin(i % 512 / 40) * Math.cos(i / 512 / 40) + i * 7 % 5
  );
}

function prose(): Uint8Array {
  const words = "habe nun ach philosophie juristerei und medizin durchaus " +
    "studiert mit heissem bemuehn da steh ich nun ich armer tor";
  return sample(words.split(" "), " ");
}

function html(): Uint8Array {
  const parts = ["<div class='row'>", "</div>", "<p>µ</p>", "<b>ä€</b>", "\n"];
  return sample(parts, "");
}

/** Some of the words, in no order that repeats. */
function sample(words: readonly string[], joint: string): Uint8Array {
  let text = "";
  let state = 1;
  while (text.length < MATERIAL) {
    state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0;
    text += words[(state >>> 16) % words.length] + joint;
  }
  return new TextEncoder().encode(text);
}

/** The next part of the material at each call, as characters where it is text. */
function* messages(
  type: 1 | 2,
  material: Uint8Array,
  size: number,
): Generator<Uint8Array> {
  for (let at = 0;; at = (at + size) % (MATERIAL - 2 * size)) {
    let [from, to] = [at, at + size];
    if (type === 1) {
      // Not within a character: on to where one begins.
      while ((material[from]! & 0xc0) === 0x80) from++;
      while ((material[to]! & 0xc0) === 0x80) to++;
    }
    yield material.subarray(from, to);
  }
}

function script(
  type: 1 | 2,
  material: Uint8Array,
  [size, fragment]: readonly [number, number?],
  count: number,
): Script {
  function* sends(): Generator<Step> {
    let sent = 0;
    for (const data of messages(type, material, size)) {
      yield fragment === undefined
        ? { message: type, data }
        : { message: type, data, fragment };
      yield { until: ++sent };
      if (sent === count) return;
    }
  }
  function* expects(): Generator<Received> {
    let left = count;
    for (const data of messages(type, material, size)) {
      yield type === 1 ? theText(data) : theBinary(data);
      if (--left === 0) return;
    }
  }
  return { sends: sends(), expects: expects(), end: { by: "peer" } };
}

function cases(
  chapter: string,
  [name, type, make]: (typeof MATERIALS)[number],
  compression: Agreement,
): Case[] {
  // Made when it is needed, and once.
  let material: Uint8Array | undefined;
  return SIZES.map((shape, i) => ({
    id: `${chapter}.${i + 1}`,
    sends: `${COUNT} messages of ${name}, ${shape[0]} bytes` +
      (shape[1] === undefined ? "" : ` in fragments of ${shape[1]}`),
    compression,
    chunks: ["whole", 4096],
    script: (full) =>
      script(type, material ??= make(), shape, full ? COUNT : SMALL_COUNT),
  }));
}

/** Messages of several kinds and sizes, with the options' defaults. */
export const compressedData: Group = {
  number: 12,
  name: "Compression, payloads",
  cases: MATERIALS.flatMap((material, i) =>
    cases(`12.${i + 1}`, material, {
      offers: offer(),
      // The defaults are no context, and a server has to agree.
      answers: answer(
        "server_no_context_takeover",
        "client_no_context_takeover",
      ),
      options: "default",
    })
  ),
};

/** Messages with each of the parameters. */
export const compressionParameters: Group = {
  number: 13,
  name: "Compression, parameters",
  cases: AGREEMENTS.flatMap(([offers, answers], i) =>
    cases(`13.${i + 1}`, MATERIALS[0]!, {
      offers,
      answers,
      options: "takeover",
    })
  ),
};
