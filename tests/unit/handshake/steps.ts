type Method = (this: string, ...args: never[]) => unknown;

/** What a method call costs, by its receiver and its result. */
const COSTS: Record<string, (text: string, result: unknown) => number> = {
  charCodeAt: () => 1,
  charAt: () => 1,
  slice: (_text, result) => String(result).length,
  indexOf: (text) => text.length,
  includes: (text) => text.length,
  // Their work cannot be seen, and it is where such parsers blow up.
  split: () => Infinity,
  match: () => Infinity,
  replace: () => Infinity,
};

/**
 * Counts the characters that a function reads, copies or makes of bytes, so
 * that linear time is asserted by work done and not by a clock.
 */
export function countSteps(fn: () => unknown): number {
  const { fromCharCode } = String;
  const proto = String.prototype as unknown as Record<string, Method>;
  const originals: Record<string, Method> = {};
  let steps = 0;
  for (const [name, cost] of Object.entries(COSTS)) {
    const original = proto[name]!;
    originals[name] = original;
    proto[name] = function (...args) {
      const result = original.apply(this, args);
      steps += cost(this, result);
      return result;
    };
  }
  String.fromCharCode = (...codes) => {
    steps += codes.length;
    return fromCharCode(...codes);
  };
  try {
    fn();
  } finally {
    Object.assign(proto, originals);
    String.fromCharCode = fromCharCode;
  }
  return steps;
}
