import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  checkUpgradeRequest,
  isWebSocketUpgrade,
} from "../../../src/handshake/upgrade_request.ts";
import { upgradeRequest } from "./upgrade.ts";

const UPGRADES: [headers: [string, string][], expected: boolean][] = [
  [[["Upgrade", "websocket"]], false],
  [[["Connection", "upgrade"]], false],
  [[["Connection", "upgRade"], ["Upgrade", "WebSocket"]], true],
  [[["Connection", "keep-alive, Upgrade"], ["Upgrade", "websocket"]], true],
  [
    [
      ["Connection", "keep-alive"],
      ["Connection", "Upgrade"],
      ["Upgrade", "h2c"],
      ["Upgrade", "websocket"],
    ],
    true,
  ],
  [[["Connection", "Upgrade"], ["Upgrade", "websocket/13"]], false],
  [[["Connection", "close"], ["Upgrade", "websocket"]], false],
];

test("isWebSocketUpgrade() looks at Connection and Upgrade only", () => {
  for (const [headers, expected] of UPGRADES) {
    for (const method of ["GET", "POST"]) {
      const request = new Request("http://h/", { method, headers });
      assertEquals(isWebSocketUpgrade(request), expected, `${headers}`);
    }
  }
});

type Change = Record<string, string | undefined>;

const REFUSED: [change: Change, status: number, reason: string][] = [
  [{ connection: undefined }, 400, "Connection"],
  [{ connection: "keep-alive" }, 400, "Connection"],
  [{ connection: "close, upgrade2" }, 400, "Connection"],
  [{ upgrade: undefined }, 426, "Upgrade"],
  [{ upgrade: "h2c" }, 426, "Upgrade"],
  [{ "sec-websocket-version": undefined }, 400, "Version"],
  [{ "sec-websocket-version": "8" }, 400, "Version"],
  [{ "sec-websocket-version": "130" }, 400, "Version"],
  [{ "sec-websocket-version": "" }, 400, "Version"],
  [{ "content-length": "1" }, 400, "body"],
  [{ "content-length": "0, 5" }, 400, "body"],
  [{ "content-length": "" }, 400, "body"],
  [{ "content-length": "abc" }, 400, "body"],
  [{ "content-length": "-0" }, 400, "body"],
  [{ "transfer-encoding": "chunked" }, 400, "body"],
  [{ "transfer-encoding": "identity" }, 400, "body"],
];

test("checkUpgradeRequest() refuses what is no handshake", () => {
  for (const [change, status, reason] of REFUSED) {
    const refusal = checkUpgradeRequest(upgradeRequest(change));
    assertEquals(refusal?.status, status, JSON.stringify(change));
    assert(refusal?.reason.includes(reason), refusal?.reason);
  }
});

test("checkUpgradeRequest() refuses other methods than GET", () => {
  for (const method of ["POST", "HEAD", "PUT", "OPTIONS"]) {
    const refusal = checkUpgradeRequest(upgradeRequest({}, { method }));
    assertEquals(refusal?.status, 405);
    assertEquals(refusal?.headers, [["Allow", "GET"]]);
  }
});

test("checkUpgradeRequest() checks in gorilla's order", () => {
  const all: Change = {
    connection: "close",
    upgrade: "h2c",
    "sec-websocket-version": "8",
    "content-length": "1",
  };
  const statuses: (number | undefined)[] = [];
  const check = (method: string) =>
    statuses.push(checkUpgradeRequest(upgradeRequest(all, { method }))?.status);
  check("POST");
  all["connection"] = "upgrade";
  check("POST");
  all["upgrade"] = "websocket";
  check("POST");
  check("GET");
  all["sec-websocket-version"] = "13";
  check("GET");
  all["content-length"] = "0";
  check("GET");
  assertEquals(statuses, [400, 426, 405, 400, 400, undefined]);
});

test("checkUpgradeRequest() passes a handshake, key and origin unseen", () => {
  for (
    const change of [
      {},
      { "sec-websocket-version": "8, 13" },
      { "content-length": "0" },
      { "content-length": "000" },
      { "sec-websocket-key": undefined },
      { origin: "null" },
    ] as Change[]
  ) {
    assertEquals(checkUpgradeRequest(upgradeRequest(change)), undefined);
  }
});
