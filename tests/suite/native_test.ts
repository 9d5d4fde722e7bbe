import { native } from "./native_links.ts";
import { suite } from "./suite.ts";

for (const runtime of ["deno", "bun"] as const) suite(native(runtime));
