/**
 * Characters that a terminal or a reader of logs would act on: controls, formats
 * such as those that turn the direction of text, ends of lines and paragraphs;
 * and the backslash that the others are written with.
 */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu;

/** Keeps a client from writing to the terminal of whoever reads the log. */
export function escapeControls(text: string): string {
  return text.replaceAll(ACTIVE, (character) => {
    if (character === "\\") return "\\\\";
    const hex = character.codePointAt(0)!.toString(16);
    return hex.length > 2 ? `\\u{${hex}}` : `\\x${hex.padStart(2, "0")}`;
  });
}
