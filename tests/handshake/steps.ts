/**
 * Counts the characters that a function reads or copies, so that linear time is
 * asserted by work done and not by a clock. It sees what the parsers use:
 * reading by index and slicing; searches count their whole text.
 */
export function countSteps(fn: () => unknown): number {
  const proto = String.prototype;
  const { charCodeAt, charAt, slice, split, indexOf, includes } = proto;
  const { match, replace } = proto;
  let steps = 0;
  const whole = <A extends unknown[], R>(method: (...args: A) => R) =>
    function (this: string, ...args: A): R {
      steps += this.length;
      return method.apply(this, args);
    };
  proto.charCodeAt = function (i: number): number {
    steps++;
    return charCodeAt.call(this, i);
  };
  proto.charAt = function (i: number): string {
    steps++;
    return charAt.call(this, i);
  };
  proto.slice = function (start?: number, end?: number): string {
    const part = slice.call(this, start, end);
    steps += part.length;
    return part;
  };
  proto.split = whole(split);
  proto.indexOf = whole(indexOf);
  proto.includes = whole(includes);
  proto.match = whole(match);
  proto.replace = whole(replace);
  try {
    fn();
  } finally {
    Object.assign(proto, { charCodeAt, charAt, slice, split, indexOf });
    Object.assign(proto, { includes, match, replace });
  }
  return steps;
}
