import process from "node:process";

import { type Certificate, makeAuthority } from "../../support/certificates.ts";

/** A certificate, if the last argument asks for TLS; who signed it is nobody. */
export function certificateIfAsked(): Certificate | undefined {
  if (process.argv.at(-1) !== "tls") return undefined;
  return makeAuthority("Bench").issue("127.0.0.1");
}
