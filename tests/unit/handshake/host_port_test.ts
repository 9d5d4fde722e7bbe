import { assertEquals } from "@std/assert";
import { joinHostPort } from "../../../src/handshake/host_port.ts";
import { test } from "../../support/helper.ts";

test("joinHostPort() puts IPv6 addresses in brackets", () => {
  assertEquals(joinHostPort("example.com", 80), "example.com:80");
  assertEquals(joinHostPort("127.0.0.1", 8080), "127.0.0.1:8080");
  assertEquals(joinHostPort("::1", 443), "[::1]:443");
});
