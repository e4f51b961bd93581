import { escapeControls } from "./_escape_controls.ts";
import { cutText, inspectBounded } from "./_inspect_bounded.ts";

/**
 * Prints what was thrown to stderr, where nobody else is left to be told of it.
 * Control characters are escaped, as an error may hold a peer's bytes. Never throws.
 *
 * @param thrown Where each was thrown, and what.
 */
export function printThrown(
  ...thrown: readonly (readonly [where: string, thrown: unknown])[]
): void {
  const texts = thrown.map(([where, each]) => `${where}: ${textOf(each)}`);
  console.error(escapeControls(texts.join("\n")));
}

function textOf(thrown: unknown): string {
  try {
    return typeof thrown === "string"
      ? cutText(thrown)
      : inspectBounded(thrown);
  } catch {
    return "something that cannot be printed";
  }
}
