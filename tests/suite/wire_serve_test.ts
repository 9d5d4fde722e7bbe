import { CARRIERS } from "../support/http_server.ts";
import { served } from "./serve_links.ts";
import { suite } from "./suite.ts";

for (const carrier of CARRIERS) suite(served(carrier));
