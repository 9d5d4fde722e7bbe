/** The head of an HTTP response, by regular expressions over the whole text. */

/** What comes of a text: the head, an error, or a wait for more. */
export type HeadOutcome =
  | {
    readonly minorVersion: number;
    readonly status: number;
    readonly reason: string;
    readonly headers: readonly (readonly [string, string])[];
    /** Where the head ends. */
    readonly end: number;
  }
  | "error"
  | "more";

// What the documentation of the parser promises.
const MAX_BYTES = 65_536;
const MAX_LINES = 1_000;

const STATUS_LINE =
  /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const HEADER_LINE =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

/** Reads the head of a text that begins with one (RFC 7230, section 3). */
export function referenceHead(text: string): HeadOutcome {
  let at = 0;
  let lines = 0;
  const line = (first: boolean): string | "error" | "more" => {
    const lf = text.indexOf("\n", at);
    const rest = text.slice(at, lf < 0 ? undefined : lf);
    const begin = rest.slice(0, 7);
    if (first && begin !== "HTTP/1.".slice(0, begin.length)) return "error";
    if ((lf < 0 ? text.length : lf + 1) > MAX_BYTES) return "error";
    if (lf < 0) return "more";
    if (!rest.endsWith("\r")) return "error";
    at = lf + 1;
    return `=${rest.slice(0, -1)}`;
  };
  for (;;) {
    const first = line(true);
    if (!first.startsWith("=")) return first as "error" | "more";
    const match = STATUS_LINE.exec(first.slice(1));
    if (match === null) return "error";
    const [, minor, status, reason = ""] = match;
    const headers: [string, string][] = [];
    for (;;) {
      const next = line(false);
      if (!next.startsWith("=")) return next as "error" | "more";
      if (next === "=") break;
      const header = HEADER_LINE.exec(next.slice(1));
      if (++lines > MAX_LINES || header === null) return "error";
      headers.push([header[1]!, header[2]!.replace(/[ \t]+$/, "")]);
    }
    // RFC 7231, section 6.2: other responses of 1xx come before the one meant.
    if (status!.startsWith("1") && status !== "101") continue;
    return {
      minorVersion: Number(minor),
      status: Number(status),
      reason,
      headers,
      end: at,
    };
  }
}
