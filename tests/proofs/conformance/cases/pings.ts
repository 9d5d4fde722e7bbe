import { hex } from "../../../support/helper.ts";
import {
  close,
  closes,
  echoes,
  fails,
  filled,
  type Group,
  ping,
  pong,
  thePong,
} from "../case.ts";

const BYTES = hex("00 ff fe fd fc fb 00 ff");
const LONGEST = filled(125, 0xfe);
const LAZY_BUFFERS = "unsolicited pong payload";
const TEN = Array.from({ length: 10 }, (_, i) => `payload-${i}`);

/** Pings are answered, pongs are not (RFC 6455, sections 5.5.2 and 5.5.3). */
export const pings: Group = {
  number: 2,
  name: "Pings and pongs",
  cases: [
    echoes("2.1", "a ping", [ping()], [thePong()]),
    echoes(
      "2.2",
      "a ping of text",
      [ping("Hello, world!")],
      [thePong("Hello, world!")],
    ),
    echoes(
      "2.3",
      "a ping of bytes that are not UTF-8",
      [ping(BYTES)],
      [thePong(BYTES)],
    ),
    echoes("2.4", "a ping of 125 bytes", [ping(LONGEST)], [thePong(LONGEST)]),
    fails("2.5", "a ping of 126 bytes", [ping(filled(126, 0xfe))]),
    echoes(
      "2.6",
      "a ping of 125 bytes, byte by byte",
      [ping(LONGEST)],
      [thePong(LONGEST)],
      { chunks: [1] },
    ),
    closes("2.7", "a pong that nobody has asked for", [pong(), close(1000)]),
    closes("2.8", "such a pong with a payload", [
      pong(LAZY_BUFFERS),
      close(1000),
    ]),
    echoes(
      "2.9",
      "such a pong, then a ping",
      [pong(LAZY_BUFFERS), ping("ping payload")],
      [thePong("ping payload")],
    ),
    echoes(
      "2.10",
      "ten pings",
      TEN.map((payload) => ping(payload)),
      TEN.map((payload) => thePong(payload)),
    ),
    echoes(
      "2.11",
      "ten pings, byte by byte",
      TEN.map((payload) => ping(payload)),
      TEN.map((payload) => thePong(payload)),
      { chunks: [1] },
    ),
  ],
};
