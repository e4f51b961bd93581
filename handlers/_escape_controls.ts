// deno-lint-ignore no-control-regex -- control characters are looked for.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/**
 * Text that is safe to print: what peers have sent may hold sequences that a
 * terminal obeys. Line feeds and tabs stay; the other control characters (C0,
 * DEL, C1 of ECMA-48) become `\xNN`.
 */
export function escapeControls(text: string): string {
  return text.replace(
    CONTROLS,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
