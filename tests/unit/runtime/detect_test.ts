import { assertEquals } from "@std/assert";

import { nativeRuntime } from "../../../src/runtime/detect.ts";
import { runtime, test } from "../../support/helper.ts";

test("nativeRuntime() knows the runtime", () => {
  assertEquals(nativeRuntime(), runtime);
});

test("nativeRuntime() is not deceived by a Deno that is brought along", () => {
  const scope = globalThis as { Deno?: unknown };
  const before = scope.Deno;
  Object.defineProperty(scope, "Deno", {
    value: { upgradeWebSocket: () => {} },
    configurable: true,
    writable: true,
  });
  try {
    assertEquals(nativeRuntime(), runtime);
  } finally {
    if (before === undefined) delete scope.Deno;
    else scope.Deno = before;
  }
});
