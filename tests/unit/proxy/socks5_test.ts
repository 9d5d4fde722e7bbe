import { assertEquals, assertThrows } from "@std/assert";
import { parseProxyURL } from "../../../src/proxy/proxy_url.ts";
import { SocksHandshake, type SocksStep } from "../../../src/proxy/socks5.ts";
import { hex, test, toHex } from "../../support/helper.ts";

/** The steps as texts: what is sent, what remains, or what is wrong. */
function run(
  proxy: string,
  host: string,
  port: number,
  chunks: string[],
): string[] {
  const handshake = new SocksHandshake(parseProxyURL(proxy), host, port);
  const show = (step: SocksStep) =>
    step.state === "pending"
      ? toHex(step.send)
      : step.state === "open"
      ? `open ${toHex(step.rest)}`
      : step.error;
  return [
    toHex(handshake.greeting),
    ...chunks.map((chunk) => show(handshake.push(hex(chunk)))),
  ];
}

const CONNECT_A = "05 01 00 03 01 61 00 50"; // to a:80
const REPLY = "05 00 00 01 00 00 00 00 00 00";

test("SocksHandshake asks for a name without authentication", () => {
  assertEquals(run("socks5://p", "a", 80, ["05 00", REPLY]), [
    "05 01 00",
    CONNECT_A,
    "open ",
  ]);
});

test("SocksHandshake asks for addresses as such", () => {
  const asked = (host: string) => run("socks5://p", host, 443, ["0500"])[1];
  assertEquals(asked("192.0.2.1"), "05 01 00 01 c0 00 02 01 01 bb");
  assertEquals(
    asked("2001:db8::1"),
    "05 01 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 01 bb",
  );
});

test("SocksHandshake sends the user name and password if it is asked to", () => {
  const proxy = "socks5://user:p%C3%A4ss@p";
  assertEquals(run(proxy, "a", 80, ["05 02", "01 00", REPLY]), [
    "05 02 00 02",
    "01 04 75 73 65 72 05 70 c3 a4 73 73",
    CONNECT_A,
    "open ",
  ]);
  assertEquals(run(proxy, "a", 80, ["05 00", REPLY]), [
    "05 02 00 02",
    CONNECT_A,
    "open ",
  ]);
  assertEquals(
    run("socks5://user@p", "a", 80, ["05 02"])[1],
    "01 04 75 73 65 72 00",
  );
});

const REPLIES: string[] = [
  REPLY,
  "05 00 00 03 00 00 00",
  `05 00 00 03 ff ${"61 ".repeat(255)} 00 50`,
  "05 00 00 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 50",
];

test("SocksHandshake reads answers byte by byte, of any type of address", () => {
  for (const reply of REPLIES) {
    const bytes = [...hex(`05 00 ${reply}`)].map((byte) =>
      byte.toString(16).padStart(2, "0")
    );
    const steps = run("socks5://p", "a", 80, bytes);
    assertEquals(steps.splice(2, 1), [CONNECT_A]);
    assertEquals(steps.pop(), "open ");
    assertEquals(steps, ["05 01 00", ...bytes.slice(2).map(() => "")]);
  }
});

test("SocksHandshake keeps what comes behind the reply", () => {
  for (const reply of REPLIES) {
    assertEquals(
      run("socks5://p", "a", 80, ["05 00", `${reply} 48 69`]).at(-1),
      "open 48 69",
    );
  }
});

const FAILURES: [
  name: string,
  proxy: string,
  chunks: string[],
  error: string,
][] = [
  ["HTTP", "socks5://p", ["48"], "version 72, not 5"],
  ["SOCKS4", "socks5://p", ["00 5a"], "version 0, not 5"],
  ["that it wants a user", "socks5://p", ["05 ff"], "it wants authentication"],
  ["that it wants no user", "socks5://u:p@p", ["05 ff"], "takes no user name"],
  ["with a user unasked", "socks5://p", ["05 02"], "method 2, which was not"],
  ["with GSSAPI", "socks5://u:p@p", ["05 01"], "method 1, which was not"],
  [
    "that the user is wrong",
    "socks5://u:p@p",
    ["05 02", "01 01"],
    "it refused",
  ],
  ["another version", "socks5://u:p@p", ["05 02", "05 00"], "version 5, not 1"],
  ["a refusal", "socks5://p", ["0500", "05 02"], "reply 2, connection not"],
  ["no connection", "socks5://p", ["0500", "05 05"], "reply 5, connection ref"],
  ["an unknown reply", "socks5://p", ["0500", "05 63"], "reply 99, unassigned"],
  ["garbage", "socks5://p", ["0500", "00"], "version 0, not 5"],
  [
    "an address of no type",
    "socks5://p",
    ["0500", "05 00 00 02 00"],
    "address type 2",
  ],
];

for (const [name, proxy, chunks, error] of FAILURES) {
  test(`SocksHandshake fails on a proxy that answers ${name}`, () => {
    const last = run(proxy, "a", 80, chunks).at(-1)!;
    assertEquals(last.includes(error), true, last);
  });
}

test("SocksHandshake refuses a name of more than 255 bytes", () => {
  const proxy = parseProxyURL("socks5://p");
  new SocksHandshake(proxy, "a".repeat(255), 80);
  assertThrows(
    () => new SocksHandshake(proxy, "a".repeat(256), 80),
    TypeError,
    "longer than 255 bytes",
  );
});
