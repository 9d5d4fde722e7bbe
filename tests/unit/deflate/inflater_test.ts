import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import { openContexts } from "../../../src/deflate/contexts.ts";
import { Inflater } from "../../../src/deflate/inflater.ts";
import { deflateOnce } from "../../../src/deflate/one_shot.ts";
import { ReadLimitError } from "../../../src/errors.ts";
import { ProtocolError } from "../../../src/peer_errors.ts";
import { deferred, hex, test } from "../../support/helper.ts";
import { spend } from "../../../src/base/turns.ts";
import {
  BROKEN,
  concat,
  emptyDynamicBlocks,
  HELLO,
  jsonBytes,
} from "./samples.ts";

function encode(data: Uint8Array): Uint8Array {
  const settings = { level: 1, windowBits: 15 };
  return new Uint8Array(deflateOnce(data, settings, true));
}

/** Inflates a message that comes in pieces of `size` bytes. */
async function inflate(
  inflater: Inflater,
  payload: Uint8Array,
  size: number = payload.length,
  limit = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const emit = (part: Uint8Array<ArrayBuffer>): undefined => {
    assertEquals(part.constructor, Uint8Array);
    parts.push(part);
  };
  for (let start = 0; start < payload.length; start += size) {
    const piece = payload.subarray(start, start + size);
    const last = start + size >= payload.length;
    await inflater.inflate(piece, last, limit, emit);
  }
  return concat(parts);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

for (const takeover of [false, true]) {
  const how = takeover ? "with" : "without";
  for (const [name, payload] of HELLO) {
    test(`Inflater ${how} context takeover inflates ${name}`, async () => {
      const inflater = new Inflater(15, takeover);
      // Each message twice: what is left of the first must not be seen.
      for (const size of [Infinity, Infinity, 1, 1, 2, 3]) {
        assertEquals(
          text(await inflate(inflater, hex(payload), size)),
          "Hello",
        );
      }
      inflater.close();
    });
  }

  for (const [what, payload] of BROKEN) {
    test(`Inflater ${how} context takeover finds what is ${what}: ${payload}`, async () => {
      const before = openContexts();
      for (const size of [Infinity, 1]) {
        const inflater = new Inflater(15, takeover);
        const error = await assertRejects(
          () => inflate(inflater, hex(payload), size),
          ProtocolError,
          "corrupt",
        );
        assertEquals(error.code, 1007);
        inflater.close();
      }
      assertEquals(openContexts(), before);
    });
  }

  test(`Inflater ${how} context takeover takes an empty last piece`, async () => {
    const inflater = new Inflater(15, takeover);
    const parts: string[] = [];
    const emit = (part: Uint8Array): undefined => {
      parts.push(text(part));
    };
    const hello = hex("f2 48 cd c9 c9 07 00");
    await inflater.inflate(hello, false, 5, emit);
    await inflater.inflate(new Uint8Array(0), true, 5, emit);
    await inflater.inflate(hex("00"), true, 5, emit);
    assertEquals(parts.join("|"), "Hello");
    inflater.close();
  });

  test(`Inflater ${how} context takeover stops at the limit`, async () => {
    const before = openContexts();
    const inflater = new Inflater(15, takeover);
    const bomb = encode(new Uint8Array(8 * 2 ** 20));
    let inflated = 0;
    const error = await assertRejects(
      () =>
        inflater.inflate(bomb, true, 2 ** 20, (part) => {
          inflated += part.length;
          return undefined;
        }),
      ReadLimitError,
    );
    assertEquals(error.limit, 2 ** 20);
    assert(inflated <= 2 ** 20, `${inflated} bytes`);
    inflater.close();
    assertEquals(openContexts(), before);
  });

  test(`Inflater ${how} context takeover counts each message by itself`, async () => {
    const inflater = new Inflater(15, takeover);
    const data = jsonBytes(1000);
    for (let i = 0; i < 3; i++) {
      assertEquals(await inflate(inflater, encode(data), 100, 1000), data);
    }
    await assertRejects(
      () => inflate(inflater, encode(data), 100, 999),
      ReadLimitError,
    );
    inflater.close();
  });
}

test("Inflater refers to earlier messages with context takeover (7.2.3.2)", async () => {
  const inflater = new Inflater(15, true);
  for (const payload of ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00"]) {
    assertEquals(text(await inflate(inflater, hex(payload))), "Hello");
  }
  assertEquals(openContexts(), 1);
  inflater.close();
  assertEquals(openContexts(), 0);
});

test("Inflater refuses a reference to an earlier message without it", async () => {
  const inflater = new Inflater(15, false);
  await inflate(inflater, hex("f2 48 cd c9 c9 07 00"));
  assertEquals(openContexts(), 0);
  await assertRejects(
    () => inflate(inflater, hex("f2 00 11 00 00")),
    ProtocolError,
  );
});

test("Inflater begins anew behind a final block", async () => {
  const inflater = new Inflater(15, true);
  await inflate(inflater, hex("f3 48 cd c9 c9 07 00 00"));
  await assertRejects(
    () => inflate(inflater, hex("f2 00 11 00 00")),
    ProtocolError,
  );
});

test("Inflater gets through many final blocks", async () => {
  const inflater = new Inflater(15, false);
  const blocks = hex("f3 48 cd c9 c9 07 00 ".repeat(200));
  assertEquals(text(await inflate(inflater, blocks)), "Hello".repeat(200));
});

for (const size of [Infinity, 3, 2]) {
  test(`Inflater refuses more than 256 final blocks, in pieces of ${size}`, async () => {
    const blocks = (count: number) => hex("03 00 ".repeat(count));
    const inflater = new Inflater(15, true);
    // They are counted for each message.
    for (let i = 0; i < 2; i++) {
      assertEquals(
        await inflate(inflater, blocks(256), Math.min(size, 512)),
        hex(""),
      );
    }
    const error = await assertRejects(
      () => inflate(inflater, blocks(257), Math.min(size, 514)),
      ProtocolError,
      "more than 256 final blocks",
    );
    assertEquals(error.code, 1007);
    assertEquals(openContexts(), 0);
  });
}

test("Inflater waits for who takes its output", async () => {
  const inflater = new Inflater(15, false);
  const bomb = encode(new Uint8Array(4 * 2 ** 20));
  let inflated = 0;
  let paused = deferred();
  let resume = deferred();
  const done = inflater.inflate(bomb, true, Infinity, (part) => {
    inflated += part.length;
    if (inflated % 2 ** 20 !== 0) return undefined;
    paused.resolve();
    resume = deferred();
    return resume.promise;
  });
  for (let i = 1; i <= 4; i++) {
    await paused.promise;
    // Turns in which nothing may come.
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    assertEquals(inflated, i * 2 ** 20);
    paused = deferred();
    resume.resolve();
  }
  await done;
  assertEquals(openContexts(), 0);
});

test("Inflater passes on what its receiver throws", async () => {
  const inflater = new Inflater(15, true);
  const cause = new Error("enough");
  const error = await inflater.inflate(
    encode(jsonBytes(100)),
    true,
    100,
    () => {
      throw cause;
    },
  ).catch((error) => error);
  assertEquals(error, cause);
  assertEquals(openContexts(), 0);
});

test("Inflater.close() ends what is under way, and holds nothing", async () => {
  const inflater = new Inflater(15, true);
  const bomb = encode(new Uint8Array(4 * 2 ** 20));
  const first = deferred();
  const done = inflater.inflate(bomb, true, Infinity, () => {
    first.resolve();
    return new Promise(() => {});
  }).catch((error) => error);
  await first.promise;
  assertEquals(openContexts(), 1);
  inflater.close();
  assertInstanceOf(await done, Error);
  assertEquals(openContexts(), 0);
  await assertRejects(() => inflate(inflater, hex("00")));
  assertEquals(openContexts(), 0);
});

test("Inflater holds the event loop for a short time only", async () => {
  const inflater = new Inflater(15, false);
  const bomb = encode(new Uint8Array(64 * 2 ** 20));
  let turns = 0;
  let over = false;
  const count = () => {
    turns++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await inflater.inflate(bomb, true, Infinity, () => undefined);
  over = true;
  // At most 1.5 MiB and a chunk in each.
  assert(turns >= 32, `${turns} turns`);
});

/** How many zlib contexts are made in a turn, at most, where many inflate. */
async function mostContextsInATurn(
  count: number,
  payload: Uint8Array,
): Promise<number> {
  const inflaters = Array.from({ length: count }, () => new Inflater(15, true));
  spend(2 ** 24); // All of them have to wait.
  const all = Promise.all(
    inflaters.map((inflater) => inflate(inflater, payload)),
  );
  let most = 0;
  for (let before = 0; before < count;) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = openContexts();
    most = Math.max(most, now - before);
    before = now;
  }
  await all;
  for (const inflater of inflaters) inflater.close();
  return most;
}

test("Inflater waits its turn: many do not begin in the same one", async () => {
  // 3 ms each: blocks that come to nothing, by RFC 1951, section 3.2.7.
  const most = await mostContextsInATurn(50, emptyDynamicBlocks(65_536));
  assert(most <= 6, `${most} began in a turn`);
});

test("Inflater counts what a zlib context costs", async () => {
  const most = await mostContextsInATurn(500, hex("f2 48 cd c9 c9 07 00"));
  assert(most <= 200, `${most} contexts were made in a turn`);
});
