import { assert, assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";
import { Child } from "../../support/child.ts";

const PROGRAM = new URL("cycles_child.ts", import.meta.url);

const MiB = 2 ** 20;
const COUNT = 6_000;

test("6,000 connections that come and go leave nothing", async () => {
  await using child = new Child(PROGRAM, [String(COUNT)]);
  const { heap, resident, left } = await child.read();
  assertEquals(left, "");
  // About a hundred bytes for each of 3,000; a connection holds thousands.
  assert(heap < MiB / 3, `the heap has grown by ${heap} bytes`);
  assert(resident < 24 * MiB, `${resident} resident bytes are left`);
}, { timeout: 90_000 });
