/** A place in a {@linkcode Chain}. */
export interface Link<T> {
  readonly item: T;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
}

/** First in, first out, and any item may leave before its turn: all in constant time, as a linked list. */
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

  /** Adds an item behind all others; its place. */
  push(item: T): Link<T> {
    const link: Link<T> = { item, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    this.#length++;
    return link;
  }

  /** Takes an item out, which is in this chain still. */
  remove({ before, after }: Link<T>): void {
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#length--;
  }
}
