/**
 * What XML 1.0 does not let a document have, not even as a reference
 * (production 2). Lone surrogates are the others.
 */
// deno-lint-ignore no-control-regex -- these are what it looks for.
export const ILLEGAL = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

// deno-lint-ignore no-control-regex -- as above.
const NOT_PLAIN = /[\0-\x08\x0b-\x1f&<>\ufffe\uffff]/;

/**
 * Text as it is written into an element.
 *
 * @throws {TypeError} If it has a character that XML cannot have.
 */
export function escapeText(text: string): string {
  if (!text.isWellFormed()) throw new TypeError("it has a lone surrogate");
  if (!NOT_PLAIN.test(text)) return text;
  const illegal = ILLEGAL.exec(text);
  if (illegal !== null) {
    const code = illegal[0].charCodeAt(0).toString(16).padStart(4, "0");
    throw new TypeError(
      `XML has no character U+${code.toUpperCase()}; send a Uint8Array, as base64`,
    );
  }
  return text.replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    // Only "]]>" must not be in text; no reader minds the others.
    .replaceAll(">", "&gt;")
    // As it is, it would be read as LF.
    .replaceAll("\r", "&#13;");
}

/** What went wrong must be told, whatever characters it has. */
export function replaceIllegal(text: string): string {
  return text.toWellFormed().replace(new RegExp(ILLEGAL, "g"), "\ufffd");
}
