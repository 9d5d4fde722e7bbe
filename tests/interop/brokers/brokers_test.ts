/** The brokers of the package, by every client, on real servers. */

import { CASES } from "./cases.ts";
import { brokerContract } from "./contract.ts";

for (const one of CASES) brokerContract(one);
