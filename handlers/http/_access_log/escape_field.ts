/** All but what is visible in ASCII, quotes and backslashes. */
const ESCAPED = /[^\x20-\x7e]|["\\]/g;

/** What Apache writes in the way of C. */
const NAMED: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/**
 * Text that is safe in a field of an access log, as `ap_escape_logitem()` of Apache
 * has it: quotes and backslashes have a backslash before them, blanks are written
 * as in C, and other bytes that are not visible in ASCII as `\xhh`.
 *
 * @param text What a client has sent, each character a byte.
 */
export function escapeField(text: string): string {
  return text.replace(ESCAPED, (character) => {
    const named = NAMED[character];
    if (named !== undefined) return named;
    const code = character.charCodeAt(0);
    return code > 0xff
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
