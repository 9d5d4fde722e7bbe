import { assertEquals } from "@std/assert";
import {
  readParameters,
  toExtension,
} from "../../../src/deflate/parameters.ts";
import {
  formatExtensions,
  parseExtensions,
} from "../../../src/handshake/extensions.ts";
import { test } from "../../support/helper.ts";

function read(text: string): ReturnType<typeof readParameters> {
  return readParameters(
    parseExtensions(`permessage-deflate; ${text}`)![0]!.params,
  );
}

const NONE = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: undefined,
};

test("readParameters() reads what RFC 7692 allows", () => {
  assertEquals(readParameters([]), NONE);
  assertEquals(read("server_no_context_takeover"), {
    ...NONE,
    serverNoContextTakeover: true,
  });
  assertEquals(read("client_no_context_takeover"), {
    ...NONE,
    clientNoContextTakeover: true,
  });
  assertEquals(read("client_max_window_bits"), {
    ...NONE,
    clientMaxWindowBits: true,
  });
  for (let bits = 8; bits <= 15; bits++) {
    assertEquals(
      read(`server_max_window_bits=${bits}; client_max_window_bits="${bits}"`),
      { ...NONE, serverMaxWindowBits: bits, clientMaxWindowBits: bits },
    );
  }
});

const VALUE = "has a value that is not 8 to 15";
const BAD: [text: string, fault: string][] = [
  ["server_max_window_bits", `parameter server_max_window_bits ${VALUE}`],
  ...["0", "7", "16", "99", "08", "1e1", "+9", "0x9", "9.0", "a", "150"]
    .flatMap(
      (bits) =>
        ["server", "client"].map((side): [string, string] => [
          `${side}_max_window_bits=${bits}`,
          `parameter ${side}_max_window_bits ${VALUE}`,
        ]),
    ),
  [
    "server_no_context_takeover=1",
    "parameter server_no_context_takeover has a value",
  ],
  [
    "client_no_context_takeover=true",
    "parameter client_no_context_takeover has a value",
  ],
  ...[
    "server_no_context_takeover",
    "client_no_context_takeover",
    "client_max_window_bits",
    "client_max_window_bits=9",
    "server_max_window_bits=15",
  ].map((param): [string, string] => [
    `${param}; ${param}`,
    `parameter ${param.replace(/=.*/, "")} is given twice`,
  ]),
  ["client_max_window_bits; client_max_window_bits=9", "is given twice"],
  ...["constructor", "__proto__", "toString", "hasOwnProperty", "x"].map((
    name,
  ): [string, string] => [name, `parameter "${name}" is unknown`]),
  ["SERVER_NO_CONTEXT_TAKEOVER", "is unknown"],
];

for (const [text, fault] of BAD) {
  test(`readParameters() refuses ${text}`, () => {
    const result = read(text);
    assertEquals(typeof result, "string");
    assertEquals((result as string).endsWith(fault), true, String(result));
  });
}

test("readParameters() cuts an unknown parameter's name", () => {
  assertEquals(
    read("x".repeat(5000)),
    `parameter "${"x".repeat(64)}" is unknown`,
  );
});

test("toExtension() writes the parameters in the RFC's order", () => {
  assertEquals(formatExtensions([toExtension(NONE)]), "permessage-deflate");
  assertEquals(
    formatExtensions([toExtension({
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 9,
      clientMaxWindowBits: true,
    })]),
    "permessage-deflate; server_no_context_takeover; " +
      "client_no_context_takeover; server_max_window_bits=9; " +
      "client_max_window_bits",
  );
});
