/** What user code does that it should not. */

/** How a callback fails. */
export type Failure = "throws" | "rejects" | "never settles";

/** The error of a callback that throws or rejects. */
export const FAULT: Error = new Error("user code");

/** Fails, inside of a callback. */
export function misbehave(how: Failure): Promise<never> {
  if (how === "throws") throw FAULT;
  return how === "rejects" ? Promise.reject(FAULT) : new Promise(() => {});
}
