import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import type { StandardSchema } from "../../src/conn/json.ts";
import { InvalidMessageError } from "../../src/errors.ts";
import type { Message } from "../../src/message.ts";
import { hex } from "../support/helper.ts";
import { behaviours, type Fixture } from "./fixture.ts";

/** Numbers, doubled; in its own time, if it is told to take some. */
function doubled(later = false): StandardSchema<number> {
  return {
    "~standard": {
      validate: (value) => {
        const result = typeof value === "number"
          ? { value: 2 * value }
          : { issues: [{ message: "must be a number" }] };
        return later ? Promise.resolve(result) : result;
      },
    },
  };
}

/** Messages as JSON: values, schemas, and what is none. */
export function json(fixture: Fixture): void {
  const it = behaviours(fixture);

  it("json() gives the values of messages of either type, until the peer closes", async ({ conn, peer }) => {
    peer.text('{"a":1}');
    peer.binary(hex("5b 31 5d"));
    peer.text("null");
    peer.close(1000);
    const values = await Array.fromAsync(conn.json());
    assertEquals(values, [{ a: 1 }, [1], null]);
    peer.end();
    await conn.closed;
  });

  for (const later of [false, true]) {
    it(`json() gives what a schema gives${later ? " later" : ""}`, async ({ conn, peer }) => {
      peer.text("1");
      peer.text("2");
      peer.close(1000);
      const values: number[] = [];
      for await (const value of conn.json(doubled(later))) values.push(value);
      assertEquals(values, [2, 4]);
      peer.end();
      await conn.closed;
    });
  }

  it("json() fails the connection with 1007 at what is no JSON, and throws", async ({ conn, peer }) => {
    const step = conn.json().next();
    peer.text("{");
    await assertRejects(() => step, SyntaxError);
    assertEquals((await peer.nextClose())[0], 1007);
    await assertRejects(() => conn.readMessage(), SyntaxError);
  });

  it("json() fails the connection with 1007 at what a schema refuses, and throws", async ({ conn, peer }) => {
    const values = conn.json(doubled());
    peer.text("1");
    assertEquals((await values.next()).value, 2);
    peer.text('"text"');
    const error = await assertRejects(() => values.next(), InvalidMessageError);
    assertEquals(error.message, "Cannot use message: must be a number");
    assertEquals(error.issues, [{ message: "must be a number" }]);
    assertEquals((await peer.nextClose())[0], 1007);
    await assertRejects(() => values.next(), InvalidMessageError);
  });

  it("json() hands what is invalid to onInvalid, and goes on", async ({ conn, peer }) => {
    const invalid: [string, Message][] = [];
    peer.text("1");
    peer.text("{");
    peer.binary(hex("22 22"));
    peer.text("2");
    peer.close(1000);
    const values = await Array.fromAsync(conn.json(doubled(true), {
      onInvalid: async (error, message) => {
        await Promise.resolve();
        invalid.push([error.name, message]);
      },
    }));
    assertEquals(values, [2, 4]);
    assertEquals(invalid, [
      ["SyntaxError", { type: 1, data: "{" }],
      ["InvalidMessageError", { type: 2, data: hex("22 22") }],
    ]);
    peer.end();
    await conn.closed;
  });

  it("json() throws what onInvalid or a schema throws, and leaves the connection open", async ({ conn, peer }) => {
    const mine = new Error("Mine");
    peer.text("{");
    peer.text("1");
    peer.text("2");
    const throwing = conn.json(undefined, {
      onInvalid: () => {
        throw mine;
      },
    });
    assertEquals(await assertRejects(() => throwing.next()), mine);
    const broken = conn.json({
      "~standard": { validate: () => Promise.reject(mine) },
    });
    assertEquals(await assertRejects(() => broken.next()), mine);
    assertEquals(conn.state, "open");
    assertEquals((await conn.json().next()).value, 2);
  });

  it("json() throws a TypeError where a schema gives no result", async ({ conn, peer }) => {
    for (
      const result of [undefined, null, 1, "", { issues: null }, { issues: 5 }]
    ) {
      peer.text("1");
      const values = conn.json({
        "~standard": {
          validate: () => result as unknown as { value: unknown },
        },
      });
      await assertRejects(
        () => values.next(),
        TypeError,
        "Cannot validate message: the schema returned ",
      );
    }
    assertEquals(conn.state, "open");
    // What else it has does not count.
    peer.text("1");
    const odd = conn.json({
      "~standard": { validate: (value) => ({ value, error: "none" }) },
    });
    assertEquals((await odd.next()).value, 1);
  });

  it("json() that is left leaves the connection open, and loses nothing", async ({ conn, peer }) => {
    peer.text("1");
    peer.text("2");
    for await (const value of conn.json()) {
      assertEquals(value, 1);
      break;
    }
    assertEquals(conn.state, "open");
    assertEquals(await conn.readJSON(), 2);
    const values = conn.json();
    const step = values.next();
    await values.return!();
    assertEquals((await step).done, true);
    peer.text("3");
    assertEquals(await conn.readJSON(), 3);
  });

  it("json() throws at once for what is no schema, and for unknown options", ({ conn }) => {
    for (const schema of [null, {}, { onInvalid() {} }, "schema", 1]) {
      assertThrows(() => conn.json(schema as never), TypeError);
    }
    assertThrows(
      () => conn.json(undefined, { onInvalid: 1 } as never),
      TypeError,
    );
    assertThrows(
      () => conn.json(undefined, { invalid: 1 } as never),
      TypeError,
    );
    // A schema may be a function, as arktype's are.
    const schema = Object.assign(() => {}, doubled());
    assert(conn.json(schema) !== undefined);
    return Promise.resolve();
  });

  it("a byte order mark before JSON is ignored, whoever reads", async ({ conn, peer }) => {
    const bytes = hex("ef bb bf 31");
    for (const send of [() => peer.text("\ufeff1"), () => peer.binary(bytes)]) {
      send();
      assertEquals(await conn.readJSON(), 1);
      send();
      assertEquals((await conn.json().next()).value, 1);
      send();
      assertEquals(await (await conn.nextReader()).json(), 1);
    }
    peer.text("\ufeff\ufeff1");
    await assertRejects(() => conn.readJSON(), SyntaxError);
    peer.text("\ufeff\ufeff1");
    const reader = await conn.nextReader();
    await assertRejects(() => reader.json(), SyntaxError);
    // Within a value it is a character like any other, and none is written.
    await conn.writeJSON("\ufeffa");
    assertEquals(await peer.nextText(), [1, '"\ufeffa"']);
  });
}
