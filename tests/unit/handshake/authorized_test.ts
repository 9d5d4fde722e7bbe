import { assert, assertEquals, assertThrows } from "@std/assert";

import { readAuthorized } from "../../../src/handshake/authorized.ts";
import { test } from "../../support/helper.ts";

const FORM = "return a Response to refuse, { data, headers }, or nothing";

test("readAuthorized() takes data and headers, and either alone", () => {
  const data = { name: "Ada" };
  const headers = { "Set-Cookie": "a=1" };
  const nothing = { data: undefined, headers: undefined };
  assertEquals(readAuthorized({ data, headers }), { data, headers });
  assert(readAuthorized({ data }).data === data);
  assertEquals(readAuthorized({ headers }), { ...nothing, headers });
  for (const none of [undefined, {}, nothing, Object.create(null)]) {
    assertEquals(readAuthorized(none), nothing);
  }
});

test("readAuthorized() names the form for what it does not know", () => {
  const wrong: [unknown, string][] = [
    [new Headers(), "the Headers"],
    [[["Set-Cookie", "a=1"]], "the array"],
    [null, "the null"],
    [true, "the boolean"],
    ["x", "the string"],
    [Symbol("x"), "the symbol"],
    [() => {}, "the function"],
    [new Map(), "the object"],
    [new (class Response {})(), "the object"],
    [Object.create({ headers: {} }), "the object"],
  ];
  for (const [value, kind] of wrong) {
    assertThrows(
      () => readAuthorized(value),
      TypeError,
      `Cannot use ${kind} that authorize returned: ${FORM}`,
    );
  }
  const keys: [object, string][] = [
    [{ "Set-Cookie": "a=1" }, '"Set-Cookie"'],
    [{ data: 1, header: {} }, '"header"'],
    [{ status: 401 }, '"status"'],
    [{ [Symbol("s")]: 1 }, '"Symbol(s)"'],
    [Object.defineProperty({}, "hidden", { value: 1 }), '"hidden"'],
    [JSON.parse('{"__proto__": {}}'), '"__proto__"'],
    [{ ["\x1b[2J" + "x".repeat(100)]: 1 }, '"\\u001b[2Jxx'],
  ];
  for (const [value, key] of keys) {
    const { message } = assertThrows(() => readAuthorized(value), TypeError);
    assert(message.startsWith(`Cannot use ${key}`), message);
    assert(message.endsWith(`of what authorize returned: ${FORM}`), message);
  }
});

test("readAuthorized() takes nothing from Object.prototype", () => {
  const polluted = Object.prototype as Record<string, unknown>;
  polluted["data"] = "everybody";
  polluted["headers"] = { "Set-Cookie": "evil=1" };
  try {
    const { data, headers } = readAuthorized({});
    assertEquals([data, headers], [undefined, undefined]);
  } finally {
    delete polluted["data"];
    delete polluted["headers"];
  }
});

test("readAuthorized() reads each property once, and looks into no data", () => {
  let reads = 0;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const read = readAuthorized({
    get data() {
      reads++;
      return proxy;
    },
  });
  assertEquals(reads, 1);
  assert(read.data === proxy);
});
