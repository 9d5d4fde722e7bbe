import { deferred, withTimeout } from "../../support/helper.ts";

/** Waits for what callbacks have brought. */
export class Lookout {
  #look: () => void = () => {};

  /** Something has come. */
  protected look(): void {
    this.#look();
  }

  /** Waits until enough has come. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const { promise, resolve } = deferred();
    this.#look = () => condition() && resolve();
    this.#look();
    await withTimeout(promise, 20_000, what);
  }
}
