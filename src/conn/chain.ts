/** A place in a {@linkcode Chain}. */
export interface Link<T> {
  readonly item: T;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
}

/**
 * A linked list: first in, first out, and any item may be removed, all in
 * constant time.
 */
export class Chain<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The oldest item. */
  get first(): T | undefined {
    return this.#first?.item;
  }

  /** The youngest item. */
  get last(): T | undefined {
    return this.#last?.item;
  }

  /** Adds an item at the end; returns its place. */
  push(item: T): Link<T> {
    const link: Link<T> = { item, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    this.#length++;
    return link;
  }

  /** Removes an item, which must still be in this chain. */
  remove({ before, after }: Link<T>): void {
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#length--;
  }
}
