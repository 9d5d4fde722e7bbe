import {
  type Case,
  type Chunks,
  echoes,
  fails,
  type Group,
  more,
  ping,
  type Step,
  text,
  thePong,
  theText,
} from "../case.ts";

const [ONE, TWO] = ["fragment1", "fragment2"];
const FIVE = ["fragment1", "fragment2", "fragment3", "fragment4", "fragment5"];
const STRAY = "non-continuation payload";
// Autobahn counts the ways of cutting as cases.
const WHOLE: readonly Chunks[] = ["whole"];
const FRAMES: readonly Chunks[] = ["frames"];
const BYTES: readonly Chunks[] = [1];

function twoFragments(id: string, chunks: readonly Chunks[]): Case {
  return echoes(
    id,
    "a text in two fragments",
    [text(ONE, false), more(TWO, true)],
    [theText(ONE + TWO)],
    { chunks },
  );
}

function withPing(id: string, chunks: readonly Chunks[]): Case {
  return echoes(
    id,
    "a text in two fragments, a ping between them",
    [text(ONE, false), ping("ping payload"), more(TWO, true)],
    [thePong("ping payload"), theText(ONE + TWO)],
    { chunks },
  );
}

function stray(id: string, fin: boolean, chunks: readonly Chunks[]): Case {
  const kind = fin ? "the end" : "a piece";
  return fails(
    id,
    `${kind} of a message that has not begun, then a text`,
    [more(STRAY, fin), text("Hello, world!")],
    [1002],
    { chunks },
  );
}

function strayTwice(id: string, fin: boolean): Case {
  const steps = [more(ONE, fin), text(TWO, false), more("fragment3", true)];
  const kind = fin ? "the end" : "a piece";
  return fails(
    id,
    `twice ${kind} of a message that has not begun, then a text in fragments`,
    [...steps, ...steps],
  );
}

function withTwoPings(id: string, chunks: readonly Chunks[]): Case {
  const sends: Step[] = [
    text(FIVE[0], false),
    more(FIVE[1]),
    ping("pongme 1!"),
    { until: 1 },
    more(FIVE[2]),
    more(FIVE[3]),
    ping("pongme 2!"),
    more(FIVE[4], true),
  ];
  return echoes(
    id,
    "a text in five fragments; half of it waits for the first of two pongs",
    sends,
    [thePong("pongme 1!"), thePong("pongme 2!"), theText(FIVE.join(""))],
    { chunks },
  );
}

/** RFC 6455, section 5.4. */
export const fragmentation: Group = {
  number: 5,
  name: "Fragmentation",
  cases: [
    fails("5.1", "a ping in two fragments", [
      { ...ping(ONE), fin: false },
      more(TWO, true),
    ]),
    fails("5.2", "a pong in two fragments", [
      { opcode: 10, payload: ONE, fin: false },
      more(TWO, true),
    ]),
    twoFragments("5.3", WHOLE),
    twoFragments("5.4", FRAMES),
    twoFragments("5.5", BYTES),
    withPing("5.6", WHOLE),
    withPing("5.7", FRAMES),
    withPing("5.8", BYTES),
    stray("5.9", true, WHOLE),
    stray("5.10", true, FRAMES),
    stray("5.11", true, BYTES),
    stray("5.12", false, WHOLE),
    stray("5.13", false, FRAMES),
    stray("5.14", false, BYTES),
    fails(
      "5.15",
      "a text in two fragments, a third, then a text",
      [text(ONE, false), more(TWO, true), more("fragment3"), text("fragment4")],
      [1002],
      { expects: [theText(ONE + TWO)] },
    ),
    strayTwice("5.16", false),
    strayTwice("5.17", true),
    fails("5.18", "a text in two fragments that both begin one", [
      text(ONE, false),
      text(TWO),
    ]),
    withTwoPings("5.19", WHOLE),
    withTwoPings("5.20", FRAMES),
  ],
};
