import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { RawPeer } from "../../../src/testing/raw_peer.ts";
import {
  type PipeStream,
  pipeStreams,
} from "../../../src/testing/pipe_stream.ts";
import type { Side } from "../../../src/transport/transport.ts";
import { hex, test } from "../../support/helper.ts";
import { record, type Recorder } from "../../support/recorder.ts";

function peerOver(
  side: Side,
  chunkSize?: number,
): [peer: RawPeer, other: PipeStream, there: Recorder] {
  const options = chunkSize === undefined ? {} : { chunkSize };
  const [here, other] = pipeStreams(options);
  return [new RawPeer(here, side), other, record(other)];
}

test("RawPeer.send() sends bytes and text in order", async () => {
  const [peer, , there] = peerOver("client");
  peer.send("GET");
  await peer.send(hex("01 02"));
  peer.end();
  await there.untilEnd();
  assertEquals(there.events, ["47 45 54", "01 02", "end"]);
});

test("RawPeer.send() and sendFrame() refuse what is neither text nor bytes", () => {
  const [peer, , there] = peerOver("client");
  for (const none of [undefined, null, 5, {}, [1, 2], new ArrayBuffer(2)]) {
    assertThrows(
      () => peer.send(none as never),
      TypeError,
      "it must be a string or a Uint8Array",
    );
    // A payload that is left out is empty.
    if (none === undefined) continue;
    assertThrows(
      () => peer.sendFrame({ opcode: 1, payload: none as never }),
      TypeError,
      "it must be a string or a Uint8Array",
    );
  }
  assertEquals(there.events, []);
});

test("RawPeer.sendFrame() sends a frame of its side", async () => {
  const [peer, , there] = peerOver("server");
  await peer.sendFrame({ opcode: 1, payload: "Hi" });
  await there.untilLength(4);
  assertEquals(there.events, ["81 02 48 69"]);
});

for (const chunkSize of [1, 3, undefined]) {
  test(`RawPeer reads heads, bytes and frames in chunks of ${chunkSize}`, async () => {
    const [peer, other] = peerOver("server", chunkSize);
    const bytes = new TextEncoder().encode("HTTP/1.1 101 \r\nA: b\r\n\r\n");
    other.write(bytes, () => {});
    other.write(hex("aa bb 81 85 37 fa 21 3d 7f 9f 4d 51 58"), () => {});
    other.write(hex("02 7e 00 7e"), () => {});
    other.write(new Uint8Array(126).fill(7), () => {});
    other.write(hex("88 00 cc"), () => {});
    other.end();
    assertEquals(await peer.readHead(), "HTTP/1.1 101 \r\nA: b\r\n\r\n");
    assertEquals(await peer.readBytes(2), hex("aa bb"));
    assertEquals(await peer.readFrame(), {
      fin: true,
      rsv: 0,
      opcode: 1,
      mask: hex("37 fa 21 3d"),
      payload: new TextEncoder().encode("Hello"),
    });
    await peer.expectFrame({
      fin: false,
      opcode: 2,
      masked: false,
      payload: new Uint8Array(126).fill(7),
    });
    await peer.readFrame();
    assertEquals(await peer.readRest(), hex("cc"));
    await peer.ended;
    assertEquals(peer.buffered, 0);
  });
}

test("RawPeer.expectFrame() refuses another frame", async () => {
  const [peer, other] = peerOver("client");
  other.write(hex("81 01 41"), () => {});
  await assertRejects(
    () => peer.expectFrame({ opcode: 2, payload: "A" }),
    Error,
    "Cannot accept frame: opcode is 1 and not 2",
  );
  // A server must not mask (RFC 6455, section 5.1).
  other.write(hex("81 81 00 00 00 00 41"), () => {});
  await assertRejects(
    () => peer.expectFrame({ opcode: 1 }),
    Error,
    "masked is true and not false",
  );
});

test("RawPeer.expectClose() reads code and reason", async () => {
  const [peer, other] = peerOver("client");
  other.write(
    hex("88 04 03 e8 6f 6b  88 02 03 e9  88 00  88 02 03 ea"),
    () => {},
  );
  await peer.expectClose(1000, "ok");
  await peer.expectClose(1001);
  await peer.expectClose(1005, "");
  await assertRejects(
    () => peer.expectClose(1000),
    Error,
    "Cannot accept close frame: it says 1002",
  );
});

test("RawPeer's reads reject when the stream ends before", async () => {
  const [peer, other] = peerOver("client");
  const read = peer.readBytes(2);
  other.write(hex("01"), () => {});
  other.end();
  await assertRejects(
    () => read,
    Error,
    "Cannot read 2 bytes: the stream ended with 1",
  );
  assertEquals(await peer.readRest(), hex("01"));
});

test("RawPeer.pause() holds the other side, resume() goes on", async () => {
  const [here, other] = pipeStreams({ bufferSize: 1 });
  const peer = new RawPeer(here, "client");
  record(other);
  peer.pause();
  let taken = false;
  other.write(hex("01 02"), () => taken = true);
  for (let i = 0; i < 5; i++) await new Promise((done) => setImmediate(done));
  assertEquals([taken, peer.buffered], [false, 0]);
  peer.resume();
  assertEquals(await peer.readBytes(2), hex("01 02"));
});

test("RawPeer.reset() cuts the connection with an error", async () => {
  const [peer, , there] = peerOver("client");
  peer.reset();
  await there.untilClosed();
  assertEquals(there.events, ["closed: ECONNRESET"]);
  assertEquals(await peer.closed, {});
  await assertRejects(() => peer.send("late"), Error);
});

test("RawPeer.closed tells the stream's error", async () => {
  const [peer, other] = peerOver("client");
  other.reset();
  const { error } = await peer.closed;
  assertEquals((error as { code?: string }).code, "ECONNRESET");
  await peer.ended;
});

test("RawPeer.destroy() ends both directions", async () => {
  const [peer, , there] = peerOver("client");
  peer.destroy();
  await there.untilEnd();
  assertEquals(await peer.closed, {});
});
