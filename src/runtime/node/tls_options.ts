import { createPrivateKey, X509Certificate } from "node:crypto";

/** How TLS is spoken. */
export interface TLSOptions {
  /**
   * The certificates of the authorities that are trusted, in PEM. Default:
   * those that the runtime trusts.
   */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The client's certificate, with its chain, in PEM. Default: none. */
  readonly cert?: string | Uint8Array;
  /** The key of `cert`, in PEM. Default: none. */
  readonly key?: string | Uint8Array;
  /** The passphrase of `key`, if it is encrypted. Default: none. */
  readonly passphrase?: string;
  /**
   * The name that is sent (SNI) and that the server's certificate must be for.
   *
   * @default {the host of the URL}
   */
  readonly servername?: string;
  /**
   * `false` takes any certificate, and so anybody in between for the server:
   * for tests only.
   *
   * @default {true}
   */
  readonly rejectUnauthorized?: boolean;
}

/** What `tls.connect` takes of {@linkcode TLSOptions}. */
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
 * Checks the options: with a certificate or a key that cannot be read, Deno
 * waits for ever instead of throwing.
 *
 * @param options The options
 * @returns The settings
 * @throws {TypeError} If a certificate or the key cannot be read, or the two do
 * not belong together
 */
export function tlsSettings(options: TLSOptions): TLSSettings {
  const { ca, cert, key, passphrase, servername } = options;
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
    // Nothing but false: what is read from somewhere may be anything.
    rejectUnauthorized: options.rejectUnauthorized !== false,
  };
}

/**
 * The settings for TLS with a proxy: whom to trust is the same; who we are, and
 * who the server is, is not the proxy's to know.
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

function keyPair(
  cert: string | Uint8Array,
  key: string | Uint8Array,
  passphrase: string | undefined,
): TLSCredentials {
  const pem = { cert: certificate("cert", cert), key: text(key) };
  const secret = passphrase === undefined ? {} : { passphrase };
  let match: boolean;
  try {
    const privateKey = createPrivateKey({ key: pem.key, ...secret });
    match = new X509Certificate(pem.cert).checkPrivateKey(privateKey);
  } catch (cause) {
    throw new TypeError(
      "Cannot use tls.key: it is no private key in PEM, or the passphrase is wrong",
      { cause },
    );
  }
  if (!match) throw new TypeError("Cannot use tls.key: it is not cert's");
  return { ...pem, ...secret };
}

function certificate(name: string, data: string | Uint8Array): string {
  const pem = text(data);
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new TypeError(`Cannot use tls.${name}: it is no certificate in PEM`, {
      cause,
    });
  }
  return pem;
}

/** PEM is ASCII. */
function text(data: string | Uint8Array): string {
  return typeof data === "string" ? data : new TextDecoder().decode(data);
}
