import { createPrivateKey } from "node:crypto";

import { assertEquals, assertThrows } from "@std/assert";
import {
  type TLSOptions,
  tlsSettings,
} from "../../../../src/runtime/sockets/tls_options.ts";
import { makeAuthority } from "../../../support/certificates.ts";
import { test } from "../../../support/helper.ts";

const authority = makeAuthority("CA");
const { cert, key } = authority.issue("a");
const encrypted = createPrivateKey(key).export({
  type: "pkcs8",
  format: "pem",
  cipher: "aes-256-cbc",
  passphrase: "secret",
}) as string;

test("tlsSettings() takes text and bytes, and verifies by default", () => {
  assertEquals(tlsSettings({}), {
    credentials: {},
    servername: undefined,
    rejectUnauthorized: true,
  });
  const bytes = (text: string) => new TextEncoder().encode(text);
  assertEquals(
    tlsSettings({
      ca: [bytes(authority.cert), authority.cert],
      cert: bytes(cert),
      key: bytes(key),
      servername: "b",
      rejectUnauthorized: false,
    }),
    {
      credentials: { ca: [authority.cert, authority.cert], cert, key },
      servername: "b",
      rejectUnauthorized: false,
    },
  );
  const passphrase = "secret";
  assertEquals(
    tlsSettings({ cert, key: encrypted, passphrase }).credentials,
    { cert, key: encrypted, passphrase },
  );
});

test("tlsSettings() verifies unless it is told false itself", () => {
  for (const rejectUnauthorized of [undefined, null, 0, "", "false"]) {
    const options = { rejectUnauthorized } as unknown as TLSOptions;
    assertEquals(tlsSettings(options).rejectUnauthorized, true);
  }
});

test("tlsSettings() refuses what cannot be read", () => {
  const broken =
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const cases: [TLSOptions, string][] = [
    [{ ca: "no" }, "Cannot use tls.ca: it is not a certificate in PEM"],
    [{ ca: [authority.cert, broken] }, "Cannot use tls.ca: "],
    [{ ca: key }, "Cannot use tls.ca: "],
    [{ cert: broken, key }, "Cannot use tls.cert: "],
    [{ cert, key: "no" }, "Cannot use tls.key: it is not a private key"],
    [{ cert, key: encrypted }, "Cannot use tls.key: it is not a private key"],
    [{ cert, key: encrypted, passphrase: "b" }, "Cannot use tls.key: it is no"],
    [
      { cert, key: authority.key },
      "Cannot use tls.key: it does not belong to cert",
    ],
    [{ cert }, "Cannot use tls: cert and key go together"],
    [{ key }, "Cannot use tls: cert and key go together"],
  ];
  for (const [options, message] of cases) {
    assertThrows(() => tlsSettings(options), TypeError, message);
  }
});
