/** What grows with how much there is, counted instead of timed. */
export interface Work {
  /** Bytes that were copied, allocated, encoded or decoded. */
  bytes: number;
  /** Elements of arrays, sets and maps that were moved or looked at. */
  items: number;
}

// deno-lint-ignore no-explicit-any -- any method of any prototype
type Method = (this: any, ...args: any[]) => any;

/** What a call costs, by its receiver, its arguments and its result. */
type Cost = (self: never, args: never, result: never) => number;

interface Sized {
  readonly length: number;
}

const wholeLength = ({ length }: Sized): number => length;
const wholeSize = ({ size }: { readonly size: number }): number => size;
const argumentLength = (_self: unknown, [arg]: [Sized?]): number =>
  arg?.length ?? 0;

const ITERATORS = { [Symbol.iterator]: wholeSize, forEach: wholeSize };

const BYTES: readonly (readonly [object, Record<PropertyKey, Cost>])[] = [
  [Object.getPrototypeOf(Uint8Array).prototype, {
    set: argumentLength,
    slice: (_self, _args, result: Sized) => result.length,
    copyWithin: wholeLength,
    fill: wholeLength,
    indexOf: wholeLength,
    every: wholeLength,
  }],
  [TextEncoder.prototype, {
    encode: argumentLength,
    encodeInto: argumentLength,
  }],
  [TextDecoder.prototype, { decode: argumentLength }],
];

const ITEMS: readonly (readonly [object, Record<PropertyKey, Cost>])[] = [
  [
    Array.prototype,
    Object.fromEntries([
      "shift",
      "unshift",
      "splice",
      "slice",
      "concat",
      "indexOf",
      "includes",
      "findIndex",
      "find",
      "filter",
      "map",
      "forEach",
      "some",
      "every",
      "sort",
      // What is left behind an early end is not seen: the worst is assumed.
    ].map((name) => [name, wholeLength])),
  ],
  [Set.prototype, { ...ITERATORS, values: wholeSize, keys: wholeSize }],
  [Map.prototype, {
    ...ITERATORS,
    values: wholeSize,
    keys: wholeSize,
    entries: wholeSize,
  }],
];

/**
 * Counts what a function makes of bytes and collections, itself and all that
 * runs until its promise settles. Loops over single elements cannot be seen.
 */
export async function countWork(
  fn: () => void | Promise<void>,
): Promise<Work> {
  const work: Work = { bytes: 0, items: 0 };
  const undo = [
    ...BYTES.map(([target, costs]) =>
      watch(target, costs, (cost) => work.bytes += cost)
    ),
    ...ITEMS.map(([target, costs]) =>
      watch(target, costs, (cost) => work.items += cost)
    ),
    watchConstruction("Uint8Array", (cost) => work.bytes += cost),
    watchConstruction("ArrayBuffer", (cost) => work.bytes += cost),
  ];
  try {
    await fn();
  } finally {
    for (const step of undo) step();
  }
  return work;
}

function watch(
  target: object,
  costs: Record<PropertyKey, Cost>,
  count: (cost: number) => void,
): () => void {
  const methods = target as Record<PropertyKey, Method>;
  const originals: Record<PropertyKey, PropertyDescriptor> = {};
  for (const name of Reflect.ownKeys(costs)) {
    const original = methods[name]!;
    const cost = costs[name] as Method;
    originals[name] = Object.getOwnPropertyDescriptor(target, name)!;
    // Of an iteration that empties a set, the size before it counts.
    const before = cost.length === 1;
    Object.defineProperty(target, name, {
      ...originals[name],
      value: function (this: unknown, ...args: unknown[]) {
        if (before) count(cost(this));
        const result = original.apply(this, args);
        if (!before) count(cost(this, args, result));
        return result;
      },
    });
  }
  return () => {
    Object.defineProperties(target, originals);
  };
}

/** An array of a length, or a copy of another; a view of a buffer is free. */
function watchConstruction(
  name: "Uint8Array" | "ArrayBuffer",
  count: (cost: number) => void,
): () => void {
  const scope = globalThis as unknown as Record<string, new () => object>;
  const original = scope[name]!;
  scope[name] = new Proxy(original, {
    construct(target, args, newTarget) {
      const [first] = args as [unknown];
      if (typeof first === "number") count(first);
      else if (!(first instanceof ArrayBuffer)) {
        count((first as Sized | undefined)?.length ?? 0);
      }
      return Reflect.construct(
        target,
        args,
        newTarget === scope[name] ? target : newTarget,
      );
    },
  });
  return () => {
    scope[name] = original;
  };
}
