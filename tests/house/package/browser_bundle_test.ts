import { gzipSync } from "node:zlib";

import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { bundleForBrowsers, lacksBundler } from "./browser_bundle.ts";

// What the documentation says.
const MAX_BYTES = 14 * 1024;

test(
  "the entry point for browsers is 14 KB gzipped at most, and needs nothing of node's",
  () => {
    const code = bundleForBrowsers();
    const { length } = gzipSync(code);
    assert(length <= MAX_BYTES, `${length} bytes`);
    assertEquals(
      code.match(
        /\bnode:|\brequire\(|\bprocess\.|\bBuffer\b|\bDeno\.|\bBun\./g,
      ),
      null,
    );
  },
  { lacks: lacksBundler },
);
