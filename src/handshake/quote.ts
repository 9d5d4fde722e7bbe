const MAX_QUOTED = 64;

/**
 * Text that is not ours, in quotes for a message: at most 64 characters of it,
 * and none that a log or a terminal would act upon.
 *
 * @param text The text
 * @returns The quoted text; an ellipsis behind it if it was cut
 */
export function quote(text: string): string {
  let result = "";
  for (let i = 0; i < text.length && i < MAX_QUOTED; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22 || code === 0x5c) {
      result += "\\" + text.charAt(i);
    } else if (code >= 0x20 && code <= 0x7e) {
      result += text.charAt(i);
    } else {
      result += "\\u" + code.toString(16).padStart(4, "0");
    }
  }
  return text.length > MAX_QUOTED ? `"${result}"...` : `"${result}"`;
}
