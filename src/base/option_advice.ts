/**
 * What to use in place of an option that is unknown: where it belongs, or how it is
 * spelt. To be loaded by who makes connections on a server.
 */

import { adviseBy, type Home } from "./options.ts";

/** Gives this advice from now on. */
export function adviseOnOptions(): void {
  adviseBy(wayOut);
}

function wayOut(
  name: string,
  home: Home,
  homes: readonly Home[],
): string {
  for (const [field, names] of Object.entries(home.within ?? {})) {
    if (!Object.hasOwn(names, name)) continue;
    const use = home.use.replace("…", `${field}: { ${name} }`);
    return `it belongs in ${field}, as ${use}`;
  }
  const other = [...home.beside ? [home.beside] : [], ...homes]
    .find(({ names }) => Object.hasOwn(names, name));
  if (other !== undefined) {
    return `it belongs in ${other.what}, as ${other.use.replace("…", name)}`;
  }
  const near = nearest(name, Object.keys(home.names));
  return near === undefined
    ? `there is no such option, use ${Object.keys(home.names).join(", ")}`
    : `there is no such option, did you mean ${near}?`;
}

// A typo changes at most two letters, or a third of a short name; or the name
// was shortened.
function nearest(
  name: string,
  names: readonly string[],
): string | undefined {
  const wanted = name.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let least = Math.min(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best ??
    (wanted.length < 3
      ? undefined
      : names.find((candidate) => candidate.toLowerCase().startsWith(wanted)));
}

/** How many letters must be inserted, deleted, replaced or swapped. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
