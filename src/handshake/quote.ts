const MAX_QUOTED = 64;

/**
 * Quotes the beginning of a text that is not ours, for an error message,
 * without characters that a log or a terminal would act upon.
 *
 * @param text The text
 * @param limit The most characters to show; 64 by default
 * @returns The quoted text, which ends with an ellipsis if it was cut
 */
export function quote(text: string, limit: number = MAX_QUOTED): string {
  let result = "";
  for (let i = 0; i < text.length && i < limit; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22 || code === 0x5c) {
      result += "\\" + text.charAt(i);
    } else if (code >= 0x20 && code <= 0x7e) {
      result += text.charAt(i);
    } else {
      result += "\\u" + code.toString(16).padStart(4, "0");
    }
  }
  return text.length > limit ? `"${result}..."` : `"${result}"`;
}
