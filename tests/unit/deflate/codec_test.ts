import { assert, assertEquals, assertRejects } from "@std/assert";
import { openContexts } from "../../../src/deflate/contexts.ts";
import type { DeflateCodec } from "../../../src/deflate/codec.ts";
import { ReadLimitError } from "../../../src/errors.ts";
import type { MessageCodec } from "../../../src/transport/codec.ts";
import { hex, test, toHex } from "../../support/helper.ts";
import { codec } from "./links.ts";
import { concat, jsonBytes } from "./samples.ts";

const HELLO = new TextEncoder().encode("Hello");

async function encode(
  codec: MessageCodec,
  data: Uint8Array,
  last = true,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoded = codec.encodeNow(data, last) ??
    await codec.encode(data, last);
  return new Uint8Array(encoded);
}

async function decode(
  codec: MessageCodec,
  payload: Uint8Array,
  limit = Infinity,
): Promise<Uint8Array> {
  const whole = codec.decodeNow(payload, limit);
  if (whole !== undefined) return new Uint8Array(whole);
  const parts: Uint8Array[] = [];
  await codec.decode(payload, true, limit, (part) => {
    parts.push(part);
    return undefined;
  });
  return concat(parts);
}

test("DeflateCodec encodes from its threshold on, and what comes in pieces", () => {
  const { encodes, preparedKey } = bound(codec("server", { threshold: 512 }));
  assertEquals(encodes(511), false);
  assertEquals(encodes(512), true);
  assertEquals(encodes(undefined), true);
  assertEquals(preparedKey(511), undefined);
  assertEquals(preparedKey(512), "deflate 1 15");
});

function bound(codec: DeflateCodec) {
  return {
    encodes: (size: number | undefined) => codec.encodes(size),
    preparedKey: (size: number) => codec.preparedKey(size),
  };
}

test("DeflateCodec gives each caller bytes of its own, in one turn as well", async () => {
  const messages = [30_000, 40_000, 50_000].map(jsonBytes);
  const encode = (data: Uint8Array) => codec("server").encode(data, true);
  const encoded = await Promise.all(messages.map(encode));
  const decoded: Uint8Array[] = [];
  await Promise.all(
    encoded.map((data, i) =>
      codec("client").decode(data, true, Infinity, (part) => {
        decoded[i] = part;
        return undefined;
      })
    ),
  );
  assertEquals(decoded, messages);
});

test("DeflateCodec encodes the RFC's examples without context takeover", async () => {
  const server = codec("server");
  for (let i = 0; i < 2; i++) {
    assertEquals(toHex(await encode(server, HELLO)), "f2 48 cd c9 c9 07 00");
  }
  assertEquals(toHex(await encode(server, hex(""))), "00");
  assertEquals(
    toHex(await encode(server, HELLO, false)),
    "f2 48 cd c9 c9 07 00 00 00 ff ff",
  );
  assertEquals(toHex(await encode(server, hex(""), false)), "");
  assertEquals(toHex(await encode(server, hex(""))), "00");
  assertEquals(openContexts(), 0);
});

for (const takeover of [false, true]) {
  const how = takeover ? "with" : "without";
  test(`DeflateCodec ${how} context takeover: both directions and all sizes`, async () => {
    const options = { takeover };
    const server = codec("server", options);
    const client = codec("client", options);
    for (const [from, to] of [[server, client], [client, server]] as const) {
      for (const size of [0, 1, 125, 126, 16_384, 16_385, 65_536]) {
        const data = jsonBytes(size);
        assertEquals(
          await decode(to, await encode(from, data), size || 1),
          data,
        );
      }
    }
    server.close();
    client.close();
    assertEquals(openContexts(), 0);
  });

  test(`DeflateCodec.setLevel() ${how} context takeover holds for later messages`, async () => {
    const server = codec("server", { takeover });
    const client = codec("client", { takeover });
    const data = jsonBytes(2000);
    const first = await encode(server, data, false);
    server.setLevel(0);
    const rest = await encode(server, data);
    assert(rest.length < data.length, "the message under way");
    assertEquals(
      await decode(client, concat([first, rest])),
      concat([data, data]),
    );
    const later = await encode(server, data);
    assert(later.length > data.length, "the message after it");
    assertEquals(await decode(client, later), data);
    server.close();
    client.close();
  });

  test(`DeflateCodec.prepare() ${how} context takeover makes a form for all`, async () => {
    const server = codec("server", { takeover });
    const client = codec("client", { takeover });
    const data = jsonBytes(2000);
    assertEquals(await decode(client, await encode(server, data)), data);
    for (const size of [0, 1, 2000, 300_000]) {
      const form = await codec("client").prepare(jsonBytes(size));
      server.prepared();
      assertEquals(await decode(client, form), jsonBytes(size));
      // Nothing refers to what was before the prepared message.
      assertEquals(await decode(client, await encode(server, data)), data);
    }
    server.close();
    client.close();
  });

  test(`DeflateCodec.close() ${how} context takeover ends what is under way`, async () => {
    const server = codec("server", { takeover });
    const encoded = server.encode(jsonBytes(65_536), true);
    const decoded = server.decode(hex("00"), false, 1, () => undefined);
    const outcomes = Promise.allSettled([encoded, decoded]);
    server.close();
    assertEquals(
      (await outcomes).map(({ status }) => status),
      ["rejected", "rejected"],
    );
    await assertRejects(() => server.encode(jsonBytes(65_536), true));
    assertEquals(openContexts(), 0);
  });
}

test("DeflateCodec.preparedKey() names level and window", () => {
  const server = codec("server", { windowBits: 9 });
  server.setLevel(-2);
  assertEquals(server.preparedKey(0), "deflate -2 9");
});

test("DeflateCodec.prepare() outlives the connection", async () => {
  const server = codec("server");
  const form = server.prepare(jsonBytes(300_000));
  server.close();
  assertEquals(await decode(codec("client"), await form), jsonBytes(300_000));
});

test("DeflateCodec.decodeNow() leaves much work of a turn to later ones", async () => {
  const server = codec("server");
  const client = codec("client");
  const data = new Uint8Array(200_000);
  const encoded = concat([
    await encode(server, data.subarray(0, 65_536), false),
    await encode(server, data.subarray(0, 65_536), false),
    await encode(server, data.subarray(0, 68_928), true),
  ]);
  await new Promise((resolve) => setImmediate(resolve));
  let now = 0;
  while (client.decodeNow(encoded, Infinity) !== undefined) now++;
  assert(now >= 7 && now <= 9, `${now} messages`);
  // In later turns all the same.
  assertEquals(await decode(client, encoded), data);
  await assertRejects(() => decode(client, encoded, 199_999), ReadLimitError);
});
