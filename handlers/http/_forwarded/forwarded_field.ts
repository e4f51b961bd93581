/** What one proxy has said of its client, RFC 7239, section 4. */
export interface ForwardedElement {
  readonly for?: string;
  readonly proto?: string;
  readonly host?: string;
}

/** A pair, behind what separates it: section 4 of RFC 7239, and blanks around `;`. */
const PAIR =
  /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\.)*)")/y;
const BLANKS = /[ \t]*/y;

/**
 * Reads one line of `Forwarded`.
 *
 * @param line Its value.
 * @returns Its elements, in their order; `undefined` where it is malformed.
 */
export function readForwarded(line: string): ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  let element: Record<string, string> = {};
  let at = behind(BLANKS, line, 0);
  while (true) {
    PAIR.lastIndex = at;
    const found = PAIR.exec(line);
    if (found !== null) {
      const name = found[1]!.toLowerCase();
      // "MUST NOT occur more than once".
      if (Object.hasOwn(element, name)) return undefined;
      element[name] = found[2] ?? found[3]!.replaceAll(/\\(.)/g, "$1");
      at = behind(BLANKS, line, PAIR.lastIndex);
    }
    const separator = line[at];
    if (separator === undefined || separator === ",") {
      // A list may have empty elements: RFC 9110, section 5.6.1.2.
      if (Object.keys(element).length > 0) elements.push(element);
      element = {};
      if (separator === undefined) return elements;
    } else if (separator !== ";") return undefined;
    at = behind(BLANKS, line, at + 1);
  }
}

/** Where what a pattern takes ends. */
function behind(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(text);
  return pattern.lastIndex;
}
