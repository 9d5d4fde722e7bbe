import { createPrivateKey, X509Certificate } from "node:crypto";

import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../../base/options.ts";
import { isInstance, nameOf } from "../../base/user_values.ts";

/** How TLS is spoken. */
export interface TLSOptions {
  /**
   * The certificates of trusted authorities, in PEM. Default: those that the
   * runtime trusts.
   */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The client's certificate, with its chain, in PEM. Default: none. */
  readonly cert?: string | Uint8Array;
  /** The key of `cert`, in PEM. Default: none. */
  readonly key?: string | Uint8Array;
  /** The passphrase of `key`, if it is encrypted. Default: none. */
  readonly passphrase?: string;
  /**
   * The name to send (SNI), which the server's certificate must be for.
   *
   * @default {the host of the URL}
   */
  readonly servername?: string;
  /**
   * `false` accepts any certificate, so that anybody in between can pose as the
   * server: for tests only.
   *
   * @default {true}
   */
  readonly rejectUnauthorized?: boolean;
}

/** The options in a Dialer's `tls`. */
export const TLS_OPTIONS: OptionsOf<TLSOptions> = declareOptions({
  what: "tls",
  use: "tls: { … }",
  names: {
    ca: true,
    cert: true,
    key: true,
    passphrase: true,
    servername: true,
    rejectUnauthorized: true,
  },
});

/** The part of {@linkcode TLSOptions} that `tls.connect` takes. */
export interface TLSCredentials {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

/** {@linkcode TLSOptions}, checked. */
export interface TLSSettings {
  readonly credentials: TLSCredentials;
  readonly servername: string | undefined;
  readonly rejectUnauthorized: boolean;
}

/**
 * Checks the options, as Deno waits forever, instead of throwing, if a
 * certificate or key cannot be read.
 *
 * @param options The options
 * @returns The settings
 * @throws {TypeError} If a certificate or the key cannot be read, the two do
 * not belong together, or an option is unknown
 */
export function tlsSettings(options: TLSOptions | undefined): TLSSettings {
  const { ca, cert, key, passphrase, servername, rejectUnauthorized } =
    readOptions(options, TLS_OPTIONS);
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot use tls: cert and key go together");
  }
  const list = ca === undefined ? [] : Array.isArray(ca) ? ca : [ca];
  const authorities = list.map((text) => certificate("ca", text));
  return {
    credentials: {
      ...(ca === undefined ? {} : { ca: authorities }),
      ...(cert === undefined || key === undefined
        ? {}
        : keyPair(cert, key, passphrase)),
    },
    servername,
    // Only `false` turns it off: a value from elsewhere may be anything.
    rejectUnauthorized: rejectUnauthorized !== false,
  };
}

/**
 * The settings for TLS with a proxy: the same trusted authorities, but neither
 * our certificate nor the server's name, which the proxy must not learn.
 *
 * @param settings The settings for the server
 * @returns The settings for the proxy
 */
export function proxyTLSSettings(settings: TLSSettings): TLSSettings {
  const { ca } = settings.credentials;
  return {
    credentials: ca === undefined ? {} : { ca },
    servername: undefined,
    rejectUnauthorized: settings.rejectUnauthorized,
  };
}

/**
 * Checks a certificate and its key.
 *
 * @param cert The certificate, with its chain, in PEM
 * @param key The key, in PEM
 * @param passphrase What the key is encrypted with, if it is
 * @returns The two as strings, and the passphrase
 * @throws {TypeError} If one of them cannot be read, or they do not belong
 * together
 */
export function keyPair(
  cert: string | Uint8Array,
  key: string | Uint8Array,
  passphrase?: string | undefined,
): { cert: string; key: string; passphrase?: string } {
  const pem = { cert: certificate("cert", cert), key: text("key", key) };
  const secret = passphrase === undefined ? {} : { passphrase };
  let match: boolean;
  try {
    const privateKey = createPrivateKey({
      key: blockOf(pem.key, KEY),
      ...secret,
    });
    match = new X509Certificate(blockOf(pem.cert, CERTIFICATE))
      .checkPrivateKey(privateKey);
  } catch (cause) {
    throw new TypeError(
      "Cannot use tls.key: it is not a private key in PEM, or the passphrase is wrong",
      { cause },
    );
  }
  if (!match) {
    throw new TypeError("Cannot use tls.key: it does not belong to cert");
  }
  return { ...pem, ...secret };
}

function certificate(name: string, data: string | Uint8Array): string {
  const pem = text(name, data);
  try {
    new X509Certificate(blockOf(pem, CERTIFICATE));
  } catch (cause) {
    throw new TypeError(
      `Cannot use tls.${name}: it is not a certificate in PEM`,
      {
        cause,
      },
    );
  }
  return pem;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/;
const KEY =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/;

// The TLS stacks read the block that they need, whatever else is in the file, such
// as a key before its certificate; Deno's X509Certificate and createPrivateKey only
// read the first.
function blockOf(pem: string, block: RegExp): string {
  return block.exec(pem)?.[0] ?? pem;
}

/** PEM is ASCII. */
function text(name: string, data: string | Uint8Array): string {
  if (typeof data === "string") return data;
  if (isInstance(data, Uint8Array)) return new TextDecoder().decode(data);
  throw new TypeError(
    `Cannot use tls.${name}: it must be PEM, as a string or a Uint8Array, got ${
      nameOf(data)
    }`,
  );
}
