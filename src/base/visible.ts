// Characters that could mislead a terminal or the reader of a log: control
// characters, Unicode's line ends, and format characters, such as those that
// change the direction of text.
const MISLEADING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Makes text that is not ours fit for an error message: characters that are
 * invisible, or control a terminal, are escaped as in JSON.
 *
 * @param text The text
 * @returns The text to show
 */
export function visible(text: string): string {
  // By its UTF-16 units, as JSON has it.
  return text.replace(
    MISLEADING,
    (char) =>
      char.replace(
        /[^]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      ),
  );
}
