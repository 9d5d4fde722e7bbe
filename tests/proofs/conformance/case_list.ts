/** Numbers of cases, short: `6.4.1-4` is four of them. */

/** Compares two numbers, for sorting. */
export function compareIds(a: string, b: string): number {
  const [left, right] = [a, b].map((id) => id.split(".").map(Number));
  const at = left!.findIndex((part, i) => part !== right![i]);
  return at < 0 ? 0 : left![at]! - right![at]!;
}

/** Writes out a list. */
export function expandIds(list: readonly string[]): string[] {
  return list.flatMap((entry) => {
    const [, prefix, first, last] = /^(.*\.)(\d+)-(\d+)$/.exec(entry) ?? [];
    if (prefix === undefined) return [entry];
    const count = Number(last) - Number(first) + 1;
    return Array.from(
      { length: count },
      (_, i) => prefix + (Number(first) + i),
    );
  });
}

/** Makes a list short: neighbours become a range. */
export function compactIds(ids: readonly string[]): string[] {
  const list: string[] = [];
  let run: { prefix: string; first: number; last: number } | undefined;
  const end = () => {
    if (run === undefined) return;
    const { prefix, first, last } = run;
    list.push(prefix + (first === last ? first : `${first}-${last}`));
    run = undefined;
  };
  for (const id of ids) {
    const dot = id.lastIndexOf(".") + 1;
    const [prefix, number] = [id.slice(0, dot), Number(id.slice(dot))];
    if (run?.prefix === prefix && run.last + 1 === number) run.last = number;
    else {
      end();
      run = { prefix, first: number, last: number };
    }
  }
  end();
  return list;
}
