import { assertEquals, assertThrows } from "@std/assert";
import { inflateRawSync } from "node:zlib";
import { hex, test } from "../../support/helper.ts";
import {
  clientFrame,
  clientHeader,
  deflated,
  jsonText,
  ReplyCounter,
} from "./frames.ts";

test("clientFrame() masks the payload", () => {
  // RFC 6455, section 5.7
  const hello = new TextEncoder().encode("Hello");
  assertEquals(
    clientFrame(0x81, hello),
    hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
  );
});

test("clientHeader() writes each form of the length", () => {
  assertEquals(clientHeader(0x82, 125), hex("82 fd 37fa213d"));
  assertEquals(clientHeader(0x82, 126), hex("82 fe 007e 37fa213d"));
  assertEquals(clientHeader(0x82, 65_535), hex("82 fe ffff 37fa213d"));
  assertEquals(
    clientHeader(0x82, 2 ** 33 + 1),
    hex("82 ff 0000000200000001 37fa213d"),
  );
});

test("deflated() and jsonText() make a payload of about the size", () => {
  const text = jsonText(1024);
  assertEquals(JSON.parse(text)[0].id, 7919);
  const bytes = deflated(new TextEncoder().encode(text));
  const tail = hex("00 00 ff ff 03 00");
  const whole = new Uint8Array([...bytes, ...tail]);
  assertEquals(inflateRawSync(whole).toString(), text);
});

test("ReplyCounter.push() counts alike however the replies are cut", () => {
  const replies = hex(
    // One of 3 bytes, a ping, one of 0, one of 130, one in two fragments.
    "82 03 010203 89 02 aaaa 82 00" +
      `82 7e 0082 ${"55".repeat(130)}` +
      "02 01 01 80 02 0203",
  );
  for (let size = 1; size <= replies.length; size++) {
    const counter = new ReplyCounter(2, undefined);
    let count = 0;
    for (let start = 0; start < replies.length; start += size) {
      count += counter.push(replies.subarray(start, start + size));
    }
    assertEquals([count, counter.bytes], [4, 136]);
  }
});

test("ReplyCounter.push() reads lengths of 64 bits", () => {
  const counter = new ReplyCounter(2, 65_536);
  assertEquals(counter.push(hex("82 7f 0000000000010000")), 0);
  assertEquals(counter.push(new Uint8Array(65_535)), 0);
  assertEquals(counter.push(new Uint8Array(1)), 1);
});

test("ReplyCounter.push() throws at a reply that is no echo", () => {
  for (const reply of ["81 01 61", "82 02 0000", "88 02 03e8"]) {
    const counter = new ReplyCounter(2, 1);
    assertThrows(() => counter.push(hex(reply)));
  }
});
