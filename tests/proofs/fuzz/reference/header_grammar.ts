/** The lists of RFC 7230 and RFC 6455, section 9.1, by regular expressions. */

/** An extension: its name, and the names and values of its parameters. */
export interface ReferenceExtension {
  readonly name: string;
  readonly params: readonly (readonly [string, string | undefined])[];
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\[^])*"';
const PARAM =
  `;[ \\t]*(${TOKEN})[ \\t]*(?:=[ \\t]*(${TOKEN}|${QUOTED})[ \\t]*)?`;
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
const ELEMENT = new RegExp(`[ \\t]*(?:(${TOKEN})[ \\t]*((?:${PARAM})*))?`, "y");

// The documented bound.
const MAX_ITEMS = 256;

/** Whether it is a token. */
export function isReferenceToken(text: string): boolean {
  return WHOLE_TOKEN.test(text);
}

/** The tokens before the first element that is none; whether those are all. */
export function referenceTokens(
  value: string | null,
): { readonly tokens: string[]; readonly complete: boolean } {
  const tokens: string[] = [];
  for (const part of value?.split(",") ?? []) {
    const element = part.replace(/^[ \t]+|[ \t]+$/g, "");
    if (element === "") continue;
    if (!isReferenceToken(element) || tokens.length === MAX_ITEMS) {
      return { tokens, complete: false };
    }
    tokens.push(element);
  }
  return { tokens, complete: true };
}

/** Whether the list has the token, however many there are. */
export function hasReferenceToken(
  value: string | null,
  token: string,
): boolean {
  for (const part of value?.split(",") ?? []) {
    const element = part.replace(/^[ \t]+|[ \t]+$/g, "");
    if (element === "") continue;
    if (!isReferenceToken(element)) return false;
    // A token is all ASCII.
    if (element.toLowerCase() === token) return true;
  }
  return false;
}

/** The extensions, or `undefined` if the value is malformed. */
export function referenceExtensions(
  value: string | null,
): ReferenceExtension[] | undefined {
  const extensions: ReferenceExtension[] = [];
  if (value === null) return extensions;
  let items = 0;
  for (let at = 0;;) {
    ELEMENT.lastIndex = at;
    const [whole, name, list = ""] = ELEMENT.exec(value)!;
    at += whole.length;
    if (name !== undefined) {
      const params = [...list.matchAll(new RegExp(PARAM, "g"))]
        .map(([, name, value]): [string, string | undefined] => [
          name!,
          value?.startsWith('"')
            ? value.slice(1, -1).replace(/\\([^])/g, "$1")
            : value,
        ]);
      items += 1 + params.length;
      const valid = params.every(([, value]) =>
        value === undefined || isReferenceToken(value)
      );
      if (!valid || items > MAX_ITEMS) return undefined;
      extensions.push({ name, params });
    }
    if (at === value.length) return extensions;
    if (value[at++] !== ",") return undefined;
  }
}

/** The parameters of permessage-deflate (RFC 7692, section 7.1). */
export interface ReferenceParameters {
  readonly flags: ReadonlySet<string>;
  /** Numbers; `true` where there is no value. */
  readonly bits: ReadonlyMap<string, number | true>;
}

/** Reads the parameters, or `undefined` if they are invalid. */
export function referenceParameters(
  { params }: ReferenceExtension,
): ReferenceParameters | undefined {
  const flags = new Set<string>();
  const bits = new Map<string, number | true>();
  for (const [name, value] of params) {
    if (flags.has(name) || bits.has(name)) return undefined;
    if (/^(server|client)_no_context_takeover$/.test(name)) {
      if (value !== undefined) return undefined;
      flags.add(name);
    } else if (/^(server|client)_max_window_bits$/.test(name)) {
      if (value === undefined && name.startsWith("server")) return undefined;
      if (value !== undefined && !/^([89]|1[0-5])$/.test(value)) {
        return undefined;
      }
      bits.set(name, value === undefined ? true : Number(value));
    } else {
      return undefined;
    }
  }
  return { flags, bits };
}
