/**
 * What presences tell each other: `?` asks who is there; `=` names all, `&` more
 * of them; `+` one that has come, and `-` one that has gone.
 */
export type Saying = readonly [
  hub: string,
  presence: string,
  kind: "?" | "=" | "&" | "+" | "-",
  ...names: string[],
];

// Bytes of names in one message: PostgreSQL takes 7,999 in all.
const MAX_NAMES = 4000;

/** Names, in as many parts as they need; one at least. */
export function partsOf(names: Iterable<string>): string[][] {
  const parts: string[][] = [[]];
  let size = 0;
  for (const name of names) {
    // A unit of UTF-16 has three bytes at the most.
    const more = 3 * JSON.stringify(name).length;
    size += more;
    if (size > MAX_NAMES && parts.at(-1)!.length > 0) {
      parts.push([]);
      size = more;
    }
    parts.at(-1)!.push(name);
  }
  return parts;
}

/** Reads a saying; `undefined` for anything else. */
export function readSaying(data: string | Uint8Array): Saying | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const saying: unknown = JSON.parse(data);
    if (!Array.isArray(saying) || saying.length < 3) return undefined;
    if (saying.some((part) => typeof part !== "string")) return undefined;
    return "?=&+-".includes(saying[2]) && saying[2].length === 1
      ? saying as unknown as Saying
      : undefined;
  } catch {
    return undefined;
  }
}
