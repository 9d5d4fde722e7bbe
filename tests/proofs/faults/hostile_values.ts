/** What user code may hand over, and what must do no harm wherever it comes from. */

/** How a callback hands over a value. */
export type Way = "throws" | "rejects" | "returns";

export const WAYS: readonly Way[] = ["throws", "rejects", "returns"];

/** Makes each value anew. */
export const HOSTILE: Readonly<Record<string, () => unknown>> = {
  "a revoked proxy": () => revoked({}),
  "a revoked proxy of a function": () => revoked(() => {}),
  "an error that shows nothing": () =>
    new Proxy(new Error("hidden"), { get: refuse }),
  "an error without a prototype": () =>
    new Proxy(new Error("hidden"), { getPrototypeOf: refuse }),
  "an error whose properties throw": () =>
    withGetters(new Error("hidden"), "message", "name", "stack", "code"),
  "an error whose cause is a revoked proxy": () =>
    new Error("hidden", { cause: revoked({}) }),
  "a then that throws": () => withGetters({}, "then"),
  "a then that never settles": () => ({ then: () => {} }),
  "a promise of its own mind": () =>
    Object.assign(Promise.resolve(), { then: () => 1 }),
  "an object that throws when shown": () => ({
    [Symbol.for("nodejs.util.inspect.custom")]: refuse,
    [Symbol.for("Deno.customInspect")]: refuse,
    [Symbol.toPrimitive]: refuse,
  }),
  "an object without a prototype": () => Object.create(null),
  "a response that shows nothing": () =>
    new Proxy(new Response("x"), { get: refuse }),
  "a symbol": () => Symbol("hostile"),
  "null": () => null,
  "undefined": () => undefined,
};

/** Hands a value over, inside of a callback. */
// deno-lint-ignore no-explicit-any -- whatever the callback's type wants
export function handOver(way: Way, value: unknown): any {
  if (way === "throws") throw value;
  return way === "rejects" ? Promise.reject(value) : value;
}

function refuse(): never {
  throw new TypeError("Not to be looked at");
}

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function withGetters<T extends object>(object: T, ...names: string[]): T {
  for (const name of names) {
    Object.defineProperty(object, name, { get: refuse });
  }
  return object;
}
