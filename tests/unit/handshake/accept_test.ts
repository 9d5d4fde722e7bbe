import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  acceptKey,
  generateKey,
  isValidKey,
} from "../../../src/handshake/accept.ts";

test("acceptKey() answers the key of RFC 6455, section 1.3", () => {
  assertEquals(
    acceptKey("dGhlIHNhbXBsZSBub25jZQ=="),
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  );
});

test("acceptKey() takes the key as text, not as the bytes it stands for", () => {
  assert(
    acceptKey("AAAAAAAAAAAAAAAAAAAAAA==") !==
      acceptKey("AAAAAAAAAAAAAAAAAAAAAB=="),
  );
});

const KEYS: [key: string | null, valid: boolean][] = [
  ["dGhlIHNhbXBsZSBub25jZQ==", true],
  ["AAAAAAAAAAAAAAAAAAAAAA==", true],
  ["/////////////////////w==", true],
  ["+/0123456789abcdefghiQ==", true],
  ["AAAAAAAAAAAAAAAAAAAAAg==", true],
  [null, false],
  ["", false],
  ["InvalidKey", false],
  ["abc", false],
  // 20 bytes, 15 bytes, 17 bytes.
  ["WHQ4eXhscUtKYjBvOGN3WEdtOEQ=", false],
  ["AAAAAAAAAAAAAAAAAAAA", false],
  ["AAAAAAAAAAAAAAAAAAAAAAA=", false],
  ["AAAAAAAAAAAAAAAAAAAAAAAA", false],
  // Unused bits that are not zero, as devices send them.
  ["AAAAAAAAAAAAAAAAAAAAAB==", true],
  ["dGhlIHNhbXBsZSBub25jZf==", true],
  // Missing padding, wrong alphabet.
  ["AAAAAAAAAAAAAAAAAAAAAA", false],
  ["AAAAAAAAAAAAAAAAAAAAAA=", false],
  ["AAAAAAAAAAAAAAAAAAAAA===", false],
  ["AAAA=AAAAAAAAAAAAAAAAA==", false],
  ["--------------------_A==", false],
  ["AAAAAAAAAAA AAAAAAAAAA==", false],
  ["AAAAAAAAAAAAAAAAAAAA\r\nAA==", false],
  ["AAAAAAAAAAAAAAAAAAAA\u00e9A==", false],
  ["dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", false],
];

test("isValidKey() takes whatever decodes to 16 bytes", () => {
  for (const [key, valid] of KEYS) {
    assertEquals(isValidKey(key), valid, `key ${key}`);
  }
});

test("isValidKey() agrees with the platform's base64 on every last digit", () => {
  const digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const digit of digits) {
    const key = "A".repeat(21) + digit + "==";
    assertEquals(isValidKey(key), atob(key).length === 16, key);
    assert(isValidKey(key), key);
  }
});

test("generateKey() makes a valid key, another each time", () => {
  const keys = new Set(Array.from({ length: 100 }, () => generateKey()));
  assertEquals(keys.size, 100);
  for (const key of keys) assert(isValidKey(key), key);
});
