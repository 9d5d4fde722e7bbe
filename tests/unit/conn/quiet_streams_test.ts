import { assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";

test("QuietReadable has no iterators where the platform has none", async () => {
  const { prototype } = ReadableStream;
  const names = ["values", Symbol.asyncIterator] as const;
  const natives = names.map((name) =>
    Object.getOwnPropertyDescriptor(prototype, name)!
  );
  for (const name of names) {
    delete (prototype as Partial<ReadableStream>)[name];
  }
  try {
    // Another copy of the module.
    const copy = "../../../src/conn/quiet_streams.ts?without";
    const { QuietReadable } = await import(copy);
    const stream = new QuietReadable({});
    assertEquals(names.map((name) => name in stream), [false, false]);
  } finally {
    names.forEach((name, i) =>
      Object.defineProperty(prototype, name, natives[i]!)
    );
  }
});
