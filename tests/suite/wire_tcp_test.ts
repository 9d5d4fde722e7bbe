import { suite } from "./suite.ts";
import { wireTcp } from "./wire_links.ts";

for (const side of ["server", "client"] as const) suite(wireTcp(side));
