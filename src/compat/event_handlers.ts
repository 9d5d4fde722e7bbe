/** The event handler attributes of an object, such as `onmessage` (HTML, section 8.1.8.1). */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers: Map<string, Handler> = new Map();

  /**
   * Makes the attributes of an object.
   *
   * @param target The object
   */
  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** The value of the attribute for events of a type; `null` if there is none. */
  get(type: string): unknown {
    return this.#handlers.get(type)?.value ?? null;
  }

  /**
   * Sets the attribute for events of a type. It has its place among the listeners
   * from the first value on, until it is set to what is no object.
   */
  set(type: string, value: unknown): void {
    const handler = this.#handlers.get(type);
    const isObject = typeof value === "function" ||
      typeof value === "object" && value !== null;
    if (!isObject) {
      if (handler === undefined) return;
      this.#handlers.delete(type);
      EventTarget.prototype.removeEventListener
        .call(this.#target, type, handler.listener);
    } else if (handler !== undefined) {
      handler.value = value;
    } else {
      const added = new Handler(value);
      this.#handlers.set(type, added);
      EventTarget.prototype.addEventListener
        .call(this.#target, type, added.listener);
    }
  }
}

class Handler {
  value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  readonly listener = (event: Event): void => {
    // An object that cannot be called is kept, and never called.
    if (typeof this.value !== "function") return;
    if (this.value.call(event.currentTarget, event) === false) {
      event.preventDefault();
    }
  };
}
