import { assertEquals } from "@std/assert";

import { Chain, type Link } from "../../../src/conn/chain.ts";
import { test } from "../../support/helper.ts";

/** A chain of letters, and their places. */
function chainOf(letters: string) {
  const chain = new Chain<string>();
  const links = new Map<string, Link<string>>();
  for (const letter of letters) links.set(letter, chain.push(letter));
  return {
    chain,
    remove: (letter: string) => chain.remove(links.get(letter)!),
  };
}

test("chain is first in, first out", () => {
  const { chain, remove } = chainOf("abc");
  for (const [index, letter] of ["a", "b", "c"].entries()) {
    assertEquals([chain.first, chain.length], [letter, 3 - index]);
    remove(letter);
  }
  assertEquals([chain.first, chain.length], [undefined, 0]);
});

test("chain.last is the youngest that is left", () => {
  const { chain, remove } = chainOf("abc");
  for (const [last, out] of [["c", "b"], ["c", "c"], ["a", "a"]] as const) {
    assertEquals(chain.last, last);
    remove(out);
  }
  assertEquals(chain.last, undefined);
});

test("chain.remove() takes an item out of anywhere", () => {
  for (
    const [out, left] of [
      ["a", "bcd"],
      ["b", "acd"],
      ["d", "abc"],
      [
        "bd",
        "ac",
      ],
      ["cb", "ad"],
      ["dcba", ""],
    ] as const
  ) {
    const { chain, remove } = chainOf("abcd");
    for (const letter of out) remove(letter);
    const last = chain.push("e");
    let rest = "";
    for (const letter of left) {
      rest += chain.first;
      remove(letter);
    }
    assertEquals(rest, left);
    assertEquals([chain.first, chain.length], ["e", 1]);
    chain.remove(last);
    assertEquals([chain.first, chain.length], [undefined, 0]);
  }
});
