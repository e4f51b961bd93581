import { escapeControls } from "./_escape_controls.ts";

/**
 * Prints what was thrown to stderr, where nobody else is left to be told of it.
 * Control characters are escaped, as an error may hold a peer's bytes. Never throws.
 *
 * @param where Where it was thrown.
 * @param thrown What was.
 */
export function printThrown(where: string, thrown: unknown): void {
  let text: string;
  try {
    text = typeof thrown === "string" ? thrown : Deno.inspect(thrown);
  } catch {
    text = "something that cannot be printed";
  }
  console.error(escapeControls(`${where}: ${text}`));
}
