import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { Histogram } from "./histogram.ts";

test("Histogram.quantile() is within 3 percent at every size of value", () => {
  for (let value = 1; value < 2e8; value = value * 1.37 + 1) {
    const histogram = new Histogram();
    histogram.add(value);
    const found = histogram.quantile(0.5);
    assert(
      found >= value - 0.125 && found <= value * (1 + 1 / 32) + 0.125,
      `${value} became ${found}`,
    );
  }
});

test("Histogram.quantile() finds the middle and the tail", () => {
  const histogram = new Histogram();
  histogram.add(2, 98);
  histogram.add(4, 2);
  assertEquals(histogram.quantile(0.5), 2);
  assertEquals(histogram.quantile(0.98), 2);
  assertEquals(histogram.quantile(0.99), 4);
  assertEquals(histogram.quantile(1), 4);
});

test("Histogram.quantile() of nothing is 0", () => {
  const histogram = new Histogram();
  histogram.add(7);
  histogram.clear();
  assertEquals(histogram.quantile(0.5), 0);
});
