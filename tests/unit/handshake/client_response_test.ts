import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  type ClientExpectation,
  verifyClientResponse,
} from "../../../src/handshake/client_response.ts";
import type { Extension } from "../../../src/handshake/extensions.ts";
import type { ResponseHead } from "../../../src/handshake/response_head.ts";

const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Header = [string, string];

function head(
  replace: Record<string, string[]> = {},
  more: Partial<ResponseHead> = {},
): ResponseHead {
  const headers: Header[] = [];
  const all = {
    "Upgrade": ["websocket"],
    "Connection": ["Upgrade"],
    "Sec-WebSocket-Accept": [ACCEPT],
    ...replace,
  };
  for (const [name, values] of Object.entries(all)) {
    for (const value of values) headers.push([name, value]);
  }
  return { status: 101, minorVersion: 1, reason: "", headers, ...more };
}

function verify(
  response: ResponseHead,
  more: Partial<ClientExpectation<object>> = {},
) {
  return verifyClientResponse(response, {
    key: "dGhlIHNhbXBsZSBub25jZQ==",
    subprotocols: ["chat", "superchat"],
    ...more,
  });
}

test("verifyClientResponse() takes the answer of RFC 6455, section 1.2", async () => {
  const protocol = { "Sec-WebSocket-Protocol": ["chat"] };
  assertEquals(await verify(head(protocol)), {
    ok: true,
    subprotocol: "chat",
    extension: undefined,
  });
});

test("verifyClientResponse() takes an answer without a subprotocol", async () => {
  assertEquals(await verify(head()), {
    ok: true,
    subprotocol: "",
    extension: undefined,
  });
});

test("verifyClientResponse() compares names and tokens in any case", async () => {
  const headers: Header[] = [
    ["UPGRADE", "WebSocket"],
    ["connection", "keep-alive, upgrade"],
    ["sec-websocket-ACCEPT", ACCEPT],
  ];
  assert((await verify(head({}, { headers }))).ok);
  const lines: Header[] = [["Connection", "keep-alive"], ...headers];
  assert((await verify(head({}, { headers: lines }))).ok);
});

const REFUSED: [replace: Record<string, string[]>, error: string][] = [
  [{ "Upgrade": [] }, "Upgrade"],
  [{ "Upgrade": ["h2c"] }, "Upgrade"],
  [{ "Upgrade": ["websocket2"] }, "Upgrade"],
  [{ "Connection": [] }, "Connection"],
  [{ "Connection": ["close"] }, "Connection"],
  [{ "Sec-WebSocket-Accept": [] }, "0 times"],
  [{ "Sec-WebSocket-Accept": [ACCEPT, ACCEPT] }, "2 times"],
  [{ "Sec-WebSocket-Accept": [""] }, "does not answer"],
  [{ "Sec-WebSocket-Accept": [ACCEPT.toLowerCase()] }, "does not answer"],
  [{ "Sec-WebSocket-Accept": [`${ACCEPT}, ${ACCEPT}`] }, "does not answer"],
  [{ "Sec-WebSocket-Accept": [`${ACCEPT}=`] }, "does not answer"],
  [{ "Sec-WebSocket-Protocol": ["other"] }, '"other"'],
  [{ "Sec-WebSocket-Protocol": ["Chat"] }, '"Chat"'],
  [{ "Sec-WebSocket-Protocol": [""] }, '""'],
  [{ "Sec-WebSocket-Protocol": ["chat, superchat"] }, '"chat, superchat"'],
  [{ "Sec-WebSocket-Protocol": ["chat", "chat"] }, "more than one"],
  [{ "Sec-WebSocket-Extensions": ["permessage-deflate"] }, "not offered"],
  [{ "Sec-WebSocket-Extensions": ["__proto__"] }, '"__proto__"'],
  [{ "Sec-WebSocket-Extensions": ["", "a"] }, '"a"'],
  [{ "Sec-WebSocket-Extensions": ["a b"] }, "malformed"],
  [{ "Sec-WebSocket-Extensions": ['a; b="1'] }, "malformed"],
];

test("verifyClientResponse() refuses what RFC 6455, section 4.1, forbids", async () => {
  for (const [replace, text] of REFUSED) {
    const result = await verify(head(replace));
    assert(!result.ok, JSON.stringify(replace));
    assert(result.error.startsWith("Cannot complete the handshake: "));
    assert(result.error.includes(text), result.error);
  }
});

test("verifyClientResponse() refuses every status but 101", async () => {
  for (const status of [200, 204, 301, 400, 401, 426, 500, 999]) {
    assertEquals(await verify(head({}, { status })), {
      ok: false,
      error:
        `Cannot complete the handshake: the server answered with status ${status}`,
    });
  }
});

test("verifyClientResponse() tells the phrase and where a redirect goes", async () => {
  const answers: [
    status: number,
    reason: string,
    location: string[],
    shown: string,
  ][] = [
    [401, "Unauthorized", [], "401 Unauthorized"],
    [418, "I'm a teapot", [], "418 I'm a teapot"],
    [403, "", ["/a"], "403"],
    [302, "Found", [], "302 Found"],
    [302, "Found", ["http://b/"], '302 Found, Location "http://b/"'],
    [307, "", ["/a", "/b"], '307, Location "/a"'],
    [302, "F", [""], '302 F, Location ""'],
    // What a server has made up.
    [302, "\u009b2J", ["/a"], '302 "\\u009b2J", Location "/a"'],
    [400, "no: use checkOrigin", [], '400 "no: use checkOrigin"'],
    [400, "x".repeat(65), [], `400 "${"x".repeat(64)}..."`],
    [302, "F", ['/"\u0085'], '302 F, Location "/\\"\\u0085"'],
    [
      302,
      "F",
      ["x".repeat(300)],
      `302 F, Location "${"x".repeat(256)}..."`,
    ],
  ];
  for (const [status, reason, location, shown] of answers) {
    const way = shown.includes("Location")
      ? ": redirects are not followed"
      : "";
    assertEquals(
      await verify(head({ Location: location }, { status, reason })),
      {
        ok: false,
        error:
          `Cannot complete the handshake: the server answered with status ${shown}${way}`,
      },
    );
  }
});

test("verifyClientResponse() refuses a 101 of HTTP/1.0", async () => {
  assert(!(await verify(head({}, { minorVersion: 0 }))).ok);
});

test("verifyClientResponse() refuses a subprotocol where none was offered", async () => {
  const protocol = { "Sec-WebSocket-Protocol": ["chat"] };
  assert(!(await verify(head(protocol), { subprotocols: [] })).ok);
});

test("verifyClientResponse() leaves accepted extensions to the verifier", async () => {
  const seen: (readonly Extension[])[] = [];
  const verifyExtensions = (accepted: readonly Extension[]) => {
    seen.push(accepted);
    return { agreed: true };
  };
  const none = await verify(head(), { verifyExtensions });
  assert(none.ok && none.extension === undefined);
  assertEquals(seen, []);
  const lines = { "Sec-WebSocket-Extensions": ["a; b=1", "c"] };
  const some = await verify(head(lines), { verifyExtensions });
  assert(some.ok);
  assertEquals(some.extension, { agreed: true });
  assertEquals(seen, [[
    { name: "a", params: [["b", "1"]] },
    { name: "c", params: [] },
  ]]);
  assertEquals(await verify(head(lines), { verifyExtensions: () => "no" }), {
    ok: false,
    error: "Cannot complete the handshake: no",
  });
});

test("verifyClientResponse() quotes the peer's text", async () => {
  const name = `\u009b31m${"x".repeat(5000)}`;
  const result = await verify(head({ "Sec-WebSocket-Protocol": [name] }));
  assert(!result.ok && result.error.length < 200);
  assert(result.error.includes("\\u009b31m"));
});
