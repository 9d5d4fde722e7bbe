/**
 * What to use in place of an option that is unknown: where it belongs, or how it is
 * spelt. To be loaded by who makes connections on a server.
 */

import { adviseBy, type Home } from "./options.ts";

/** Gives this advice from now on. */
export function adviseOnOptions(): void {
  adviseBy(wayOut, checkClass);
}

// What is passed in the place of options, such as an Upgrader to serve(), has
// methods only: nothing of it would be used, and nobody told.
function checkClass(options: object, { what, use, names }: Home): void {
  const { name } = options.constructor ?? Object;
  // By its name, as each realm has an Object of its own.
  if (name === "Object") return;
  const option = name.charAt(0).toLowerCase() + name.slice(1);
  const way = Object.hasOwn(names, option) ? option : "…";
  throw new TypeError(
    `Cannot use an instance of ${name} as the options of ${what}: it has none of them, use ${
      use.replace("…", way)
    }`,
  );
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
  const others = [...home.beside ? [home.beside] : [], ...homes]
    .filter(({ names }) => Object.hasOwn(names, name));
  // Of two functions of one name, as the two dial(), neither is the way out of
  // the other.
  if (others.length > 0 && !others.some(({ what }) => what === home.what)) {
    const [{ what, use }] = others as [Home];
    return `it belongs in ${what}, as ${use.replace("…", name)}`;
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
