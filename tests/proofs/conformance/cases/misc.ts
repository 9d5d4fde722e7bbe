import {
  echoes,
  filled,
  type Group,
  inFragments,
  LARGE,
  theText,
} from "../case.ts";

const DATA = filled(65_536, 0x2a);

export const misc: Group = {
  number: 10,
  name: "Auto-fragmentation",
  cases: [
    echoes(
      "10.1.1",
      "a text of 65536 bytes in fragments of 1300",
      inFragments(1, DATA, 1300),
      [theText(DATA)],
      { chunks: LARGE },
    ),
  ],
};
