/**
 * Characters that a terminal or a reader of logs would act on: controls, formats
 * such as those that turn the direction of text, ends of lines and paragraphs.
 */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Text that is safe to print, whatever peers have sent: its active characters
 * become `\xNN` or `\u{N}`, but for line feeds and tabs.
 */
export function escapeControls(text: string): string {
  return text.replace(
    ACTIVE,
    (character) =>
      character === "\n" || character === "\t" ? character : escaped(character),
  );
}

/**
 * Text that is safe in one line of a log: line feeds and tabs are escaped too, and
 * backslashes doubled, so that it can be told what was there.
 */
export function escapeLine(text: string): string {
  return text.replaceAll("\\", "\\\\").replace(ACTIVE, escaped);
}

/** Text whose active characters are escaped in the way of its format. */
export function escapeActive(
  text: string,
  escape: (character: string) => string,
): string {
  return text.replace(ACTIVE, escape);
}

function escaped(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length > 2 ? `\\u{${hex}}` : `\\x${hex.padStart(2, "0")}`;
}
