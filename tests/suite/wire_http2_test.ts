import { HTTP2_CARRIERS } from "../support/http2_server.ts";
import { overHttp2 } from "./http2_links.ts";
import { suite } from "./suite.ts";

for (const carrier of HTTP2_CARRIERS) suite(overHttp2("server", carrier));
suite(overHttp2("client", HTTP2_CARRIERS.at(-1)!));
