import type { Target } from "./target.ts";
import { connTarget } from "./targets/conn.ts";
import { cookiesTarget } from "./targets/cookies.ts";
import { decoderTarget, framesTarget } from "./targets/decoder.ts";
import { headersTarget } from "./targets/headers.ts";
import { inflateTarget } from "./targets/inflate.ts";
import { proxyTarget } from "./targets/proxy.ts";
import { requestTarget } from "./targets/request.ts";
import { responseTarget } from "./targets/response.ts";
import { urlTarget } from "./targets/url.ts";
import { wireTarget } from "./targets/wire.ts";

/** All that is fuzzed. */
export const TARGETS: readonly Target[] = [
  decoderTarget(),
  framesTarget(),
  inflateTarget(),
  connTarget,
  wireTarget,
  requestTarget,
  responseTarget,
  headersTarget,
  cookiesTarget,
  proxyTarget,
  urlTarget,
];
