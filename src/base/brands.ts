/**
 * Brands, by which our classes are recognized across copies of the package.
 * Each copy has its own classes: a program may load two versions, and `bun
 * --hot` loads one again while connections stay open.
 */

/**
 * The symbol that stands for one of our classes, the same in every copy.
 *
 * @param name The class's name
 * @returns The symbol
 */
export function brandOf(name: string): symbol {
  return Symbol.for(`@silverback/websocket/${name}`);
}

/**
 * Marks an error class's objects, so that `instanceof` recognizes those of other
 * copies; and names them, where the platform's own errors have their names.
 *
 * @param type The class
 * @param name Its name
 */
export function brand(
  type: { readonly prototype: object },
  name: string,
): void {
  const symbol = brandOf(name);
  Object.defineProperty(type.prototype, symbol, { value: true });
  Object.defineProperty(type.prototype, "name", {
    value: name,
    writable: true, // by subclasses
  });
  const ordinary = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(type, Symbol.hasInstance, {
    // The application's subclasses inherit this, and have no brand.
    value(this: unknown, value: unknown): boolean {
      return ordinary.call(this, value) ||
        this === type && isBranded(value, symbol);
    },
  });
}

/**
 * Whether a value bears a brand.
 *
 * @param value Any value
 * @param symbol The brand
 * @returns Whether it does; `false` if it throws when inspected
 */
export function isBranded(value: unknown, symbol: symbol): boolean {
  try {
    return (value as Record<symbol, unknown> | null | undefined)?.[symbol] !==
      undefined;
  } catch {
    return false;
  }
}
