/** A reference that was read. */
export interface Reference {
  /** The code point it stands for; `undefined` where it is not known. */
  readonly code: number | undefined;
  /** Where it ends, behind its semicolon. */
  readonly end: number;
}

/** Longer than any, but for zeros: `&#1114111;`. */
const LONGEST = 32;

/** Section 4.6 of XML 1.0: the entities that need no declaration. */
const ENTITIES: readonly (readonly [name: string, code: number])[] = [
  ["amp;", "&"],
  ["lt;", "<"],
  ["gt;", ">"],
  ["quot;", '"'],
  ["apos;", "'"],
].map(([name, character]) => [name!, character!.charCodeAt(0)]);

const SEMICOLON = 0x3b;
const HASH = 0x23;
const SMALL_X = 0x78;

/**
 * Reads a reference to a character or an entity, productions 66 and 68 of XML
 * 1.0. No part of the text is copied, since there may be millions of them.
 *
 * @param text The text.
 * @param from Where the reference begins, behind its ampersand.
 * @returns The reference, or `undefined` if it does not end.
 */
export function readReference(
  text: string,
  from: number,
): Reference | undefined {
  if (text.charCodeAt(from) === HASH) {
    const isHexadecimal = text.charCodeAt(from + 1) === SMALL_X;
    return isHexadecimal
      ? readNumber(text, from + 2, 16)
      : readNumber(text, from + 1, 10);
  }
  for (const [name, code] of ENTITIES) {
    if (text.startsWith(name, from)) return { code, end: from + name.length };
  }
  return unknown(text, from);
}

function readNumber(
  text: string,
  from: number,
  base: 10 | 16,
): Reference | undefined {
  let code = 0;
  const last = Math.min(text.length, from + LONGEST);
  for (let at = from; at < last; at++) {
    const unit = text.charCodeAt(at);
    if (unit === SEMICOLON) {
      return { code: at === from ? undefined : code, end: at + 1 };
    }
    const digit = digitOf(unit);
    if (digit >= base) break;
    code = code * base + digit;
  }
  return unknown(text, from);
}

/** What the digits of a number are worth; anything else more than any base. */
function digitOf(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const small = unit | 0x20;
  return small >= 0x61 && small <= 0x66 ? small - 0x61 + 10 : Infinity;
}

function unknown(text: string, from: number): Reference | undefined {
  const end = text.slice(from, from + LONGEST + 1).indexOf(";");
  return end <= 0 ? undefined : { code: undefined, end: from + end + 1 };
}
