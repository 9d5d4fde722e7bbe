import { suite } from "./suite.ts";
import { wirePipe } from "./wire_links.ts";

for (const side of ["server", "client"] as const) {
  for (const chunkSize of [1, 7, undefined]) suite(wirePipe(side, chunkSize));
}
