/** Registers all micro-benchmarks. */

import "./decoder_bench.ts";
import "./deflate_bench.ts";
import "./encoder_bench.ts";
import "./frame_header_bench.ts";
import "./mask_bench.ts";
import "./utf8_bench.ts";
