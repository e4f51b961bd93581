import { cutText, inspectBounded } from "./_inspect_bounded.ts";

/** Characters that a terminal acts on: all controls and formats but the line feed and tab. */
const ACTIVE = /[^\P{C}\n\t]/gu;

/**
 * Prints what was thrown to stderr, as nobody else is left to be told of it. Control
 * characters are escaped, since an error may hold a peer's bytes.
 */
export function printThrown(thrown: unknown): void {
  const text = typeof thrown === "string"
    ? cutText(thrown)
    : inspectBounded(thrown);
  console.error(
    text.replace(
      ACTIVE,
      (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
    ),
  );
}
