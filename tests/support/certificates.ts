/**
 * Certificates for the tests of TLS (RFC 5280), made anew in each run: nothing
 * expires, no key lies about, and no tool is needed.
 *
 * @module
 */

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

import { parseIP } from "../../src/base/ip.ts";

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** One that issues others. */
export interface Authority extends Certificate {
  /** Issues a certificate for host names and IP addresses. */
  issue(...hosts: string[]): Certificate;
}

const CN = [2, 5, 4, 3];
const BASIC_CONSTRAINTS = [2, 5, 29, 19];
const SUBJECT_ALT_NAME = [2, 5, 29, 17];
const ECDSA_WITH_SHA256 = [1, 2, 840, 10045, 4, 3, 2];

let serial = 0;

/** Makes an authority that nobody trusts yet. */
export function makeAuthority(name: string): Authority {
  const { publicKey, privateKey } = keys();
  const isCA = extension(BASIC_CONSTRAINTS, seq(tlv(0x01, [0xff])), true);
  return {
    cert: certificate(name, publicKey, [isCA], name, privateKey),
    key: toPem(privateKey),
    issue(...hosts) {
      const own = keys();
      const names = extension(
        SUBJECT_ALT_NAME,
        seq(...hosts.map(generalName)),
        false,
      );
      const subject = hosts[0] ?? "nobody";
      return {
        cert: certificate(subject, own.publicKey, [names], name, privateKey),
        key: toPem(own.privateKey),
      };
    },
  };
}

function keys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function toPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}

function certificate(
  subject: string,
  publicKey: KeyObject,
  extensions: number[][],
  issuer: string,
  issuerKey: KeyObject,
): string {
  const algorithm = seq(oid(ECDSA_WITH_SHA256));
  const day = 24 * 60 * 60 * 1000;
  const tbs = seq(
    tlv(0xa0, tlv(0x02, [2])), // version 3
    tlv(0x02, [0x10, ++serial >> 8 & 0xff, serial & 0xff]),
    algorithm,
    distinguishedName(issuer),
    seq(utcTime(Date.now() - day), utcTime(Date.now() + day)),
    distinguishedName(subject),
    [...publicKey.export({ type: "spki", format: "der" }) as Uint8Array],
    tlv(0xa3, seq(...extensions)),
  );
  const signature = sign("sha256", new Uint8Array(tbs), issuerKey);
  const der = seq(tbs, algorithm, tlv(0x03, [0, ...signature]));
  const base64 = btoa(String.fromCharCode(...der)).replace(
    /.{64}(?=.)/g,
    "$&\n",
  );
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(name: string): number[] {
  return seq(tlv(0x31, seq(oid(CN), tlv(0x0c, ascii(name)))));
}

function extension(id: number[], value: number[], critical: boolean): number[] {
  return seq(
    oid(id),
    critical ? tlv(0x01, [0xff]) : [],
    tlv(0x04, value),
  );
}

function generalName(host: string): number[] {
  const ip = parseIP(host);
  return ip === undefined ? tlv(0x82, ascii(host)) : tlv(0x87, [...ip]);
}

function utcTime(time: number): number[] {
  const digits = new Date(time).toISOString().replace(/\D/g, "");
  return tlv(0x17, ascii(`${digits.slice(2, 14)}Z`));
}

function oid([first = 0, second = 0, ...rest]: number[]): number[] {
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const group = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) {
      group.unshift(left & 0x7f | 0x80);
    }
    bytes.push(...group);
  }
  return tlv(0x06, bytes);
}

function seq(...parts: number[][]): number[] {
  return tlv(0x30, parts.flat());
}

function tlv(tag: number, value: number[]): number[] {
  const { length } = value;
  const prefix = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return [tag, ...prefix, ...value];
}

function ascii(text: string): number[] {
  return Array.from(text, (char) => char.charCodeAt(0));
}
