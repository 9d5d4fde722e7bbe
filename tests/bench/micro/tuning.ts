import {
  JSC_TUNING,
  type Tuning,
  V8_TUNING,
} from "../../../src/protocol/tuning.ts";
import { javaScriptEngine } from "../../../src/runtime/engine.ts";
import { utf8Slice, utf8Write } from "../../../src/runtime/quirks/text.ts";

/** What connections are made with on this runtime. */
export const TUNING: Tuning = javaScriptEngine === "jsc"
  ? { ...JSC_TUNING, slice: utf8Slice, write: utf8Write }
  : { ...V8_TUNING, slice: utf8Slice };
