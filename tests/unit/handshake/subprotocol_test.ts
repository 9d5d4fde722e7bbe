import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  checkSubprotocols,
  selectSubprotocol,
  type SubprotocolOption,
  subprotocols,
} from "../../../src/handshake/subprotocol.ts";

function offering(...lines: string[]): Request {
  const headers = new Headers();
  for (const line of lines) headers.append("Sec-WebSocket-Protocol", line);
  return new Request("http://h/", { headers });
}

const OFFERS: [lines: string[], expected: string[]][] = [
  [[], []],
  [[""], []],
  [["foo"], ["foo"]],
  [["foo,bar"], ["foo", "bar"]],
  [["foo, bar"], ["foo", "bar"]],
  [[" foo, bar "], ["foo", "bar"]],
  [["foo", "bar"], ["foo", "bar"]],
  [["b,a", "", "c\t,\ta"], ["b", "a", "c"]],
  [["foo, foo, Foo"], ["foo", "Foo"]],
  [["foo, b/r, baz"], ["foo"]],
  [["__proto__, constructor, __proto__"], ["__proto__", "constructor"]],
];

test("subprotocols() joins lines and removes duplicates", () => {
  for (const [lines, expected] of OFFERS) {
    assertEquals(subprotocols(offering(...lines)), expected, `${lines}`);
  }
});

test("subprotocols() is bounded", () => {
  const many = Array.from({ length: 1000 }, (_, i) => `p${i}`).join();
  assertEquals(subprotocols(offering(many)).length, 256);
});

const CHOICES: [
  option: SubprotocolOption,
  lines: string[],
  expected: string,
][] = [
  // The client's order, whatever the server's.
  [["foo", "bar", "baz"], ["foo", "bar"], "foo"],
  [["foo", "bar", "baz"], ["bar", "foo"], "bar"],
  [["foo", "bar", "baz"], ["quux", "baz"], "baz"],
  [["foo", "bar", "baz"], ["quux"], ""],
  [["foo"], [], ""],
  [[], ["foo"], ""],
  [["foo"], ["Foo"], ""],
  [["__proto__"], ["__proto__"], "__proto__"],
  [(offered) => offered[1], ["a, b"], "b"],
  [(offered) => Promise.resolve(offered[0]), ["a, b"], "a"],
  [() => undefined, ["a"], ""],
  [() => undefined, [], ""],
];

test("selectSubprotocol() chooses one of the client's offers", async () => {
  for (const [option, lines, expected] of CHOICES) {
    const selected = await selectSubprotocol(offering(...lines), option, []);
    assertEquals(selected, expected, `${option} of ${lines}`);
  }
});

test("selectSubprotocol() gives the callback offers and request", async () => {
  const request = offering("a, b");
  const calls: unknown[] = [];
  await selectSubprotocol(request, (...args) => {
    calls.push(...args);
    return undefined;
  }, []);
  assertEquals(calls[0], ["a", "b"]);
  assertEquals(calls[1] === request, true);
});

test("selectSubprotocol() refuses what was not offered", async () => {
  const wrong: unknown[] = ["c", "", "A", "a\r\nX: y", null, true, {}, ["a"]];
  for (const value of wrong) {
    const selected = await selectSubprotocol(
      offering("a, b"),
      () => value as string,
      [],
    );
    assertEquals((selected as { status: number }).status, 500, `${value}`);
  }
  const added = await selectSubprotocol(offering("a"), (offered) => {
    (offered as string[]).push("mine");
    return "mine";
  }, []);
  assertEquals((added as { status: number }).status, 500);
});

test("selectSubprotocol() refuses with the callback's error as cause", async () => {
  const error = new Error("no");
  for (
    const option of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]
  ) {
    const selected = await selectSubprotocol(offering("a"), option, []);
    assertEquals(selected, {
      status: 500,
      reason: "Cannot upgrade request: the subprotocols callback failed",
      cause: error,
    });
  }
});

test("selectSubprotocol() takes an offered one from the headers", async () => {
  const select = async (lines: string[], ...values: string[]) => {
    const result = await selectSubprotocol(
      offering(...lines),
      undefined,
      values.map((value) => ["sec-websocket-PROTOCOL", value]),
    );
    return typeof result === "string" ? result : result.status;
  };
  assertEquals(await select(["a, b"]), "");
  assertEquals(await select(["a, b"], "b"), "b");
  assertEquals(await select(["a, b"], "c"), 500);
  assertEquals(await select([], "a"), 500);
  assertEquals(await select(["a, b"], "a, b"), 500);
  assertEquals(await select(["a, b"], ""), 500);
  assertEquals(await select(["a, b"], "a", "b"), 500);
});

test("checkSubprotocols() takes unique tokens", () => {
  checkSubprotocols([]);
  checkSubprotocols(["a", "A", "v1.chat", "__proto__"]);
  for (const name of ["", "a b", "a,b", "a\r\n", "\u00e9", 1, null]) {
    assertThrows(
      () => checkSubprotocols(["x", name as string]),
      TypeError,
      "is not a token",
    );
  }
  assertThrows(() => checkSubprotocols(["a", "b", "a"]), TypeError, "twice");
});
