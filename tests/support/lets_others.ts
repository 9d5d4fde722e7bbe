/** Whether a timer fires while a step is tried again and again, whatever it throws. */
export async function letsOthers(
  step: () => Promise<unknown>,
): Promise<boolean> {
  let fired = false;
  const timer = setTimeout(() => void (fired = true), 0);
  for (let i = 0; i < 50_000 && !fired; i++) {
    try {
      await step();
    } catch {
      // It goes on.
    }
  }
  clearTimeout(timer);
  return fired;
}
