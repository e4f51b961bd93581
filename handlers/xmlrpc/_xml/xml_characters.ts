import type { InPieces } from "./in_pieces.ts";
import { TextBuilder } from "./text_builder.ts";

/**
 * What XML 1.0 does not let a document have, not even as a reference
 * (production 2). Lone surrogates are the others.
 */
// deno-lint-ignore no-control-regex -- these are what it looks for.
export const ILLEGAL = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** What is not written as it is. */
const SPECIAL = /[\r&<>]/;

const CR = 0x0d;
const LF = 0x0a;

/** How characters are written that are not written as they are. */
const ESCAPES: ReadonlyMap<number, string> = new Map(
  // Only "]]>" must not be in text; no reader minds the other ">". A CR, as it
  // is, would be read as LF.
  [["&", "&amp;"], ["<", "&lt;"], [">", "&gt;"], ["\r", "&#13;"]].map((
    [character, escape],
  ) => [character!.charCodeAt(0), escape!]),
);

/**
 * Text as it is written into an element.
 *
 * @param room How long it may become.
 * @returns The text; some text longer than `room` if all would be.
 * @throws {TypeError} If it has a character that XML cannot have.
 */
export function escapeText(text: string, room: number): string {
  if (text.length > room) return text;
  if (!text.isWellFormed()) throw new TypeError("it has a lone surrogate");
  const illegal = ILLEGAL.exec(text);
  if (illegal !== null) {
    const code = illegal[0].charCodeAt(0).toString(16).padStart(4, "0");
    throw new TypeError(
      `XML has no character U+${code.toUpperCase()}; send a Uint8Array, as base64`,
    );
  }
  return SPECIAL.test(text) ? escapeSpecial(text, room) : text;
}

function escapeSpecial(text: string, room: number): string {
  const builder = new TextBuilder();
  let from = 0;
  for (let at = 0; at < text.length && builder.length <= room; at++) {
    const escape = ESCAPES.get(text.charCodeAt(at));
    if (escape === undefined) continue;
    builder.append(text, from, at);
    builder.append(escape);
    from = at + 1;
  }
  builder.append(text, from);
  return builder.toString();
}

/** What went wrong must be told, whatever characters it has. */
export function replaceIllegal(text: string): string {
  return text.toWellFormed().replace(new RegExp(ILLEGAL, "g"), "\ufffd");
}

/** How many code units are looked at before others have a turn. */
const PIECE = 256 * 1024;

/** Section 2.11 of XML 1.0: lines end in LF, however they were sent. */
export function* normalizeLineEndings(text: string): InPieces<string> {
  if (!text.includes("\r")) return text;
  let normalized = "";
  for (let from = 0, to; from < text.length; from = to) {
    to = from + PIECE;
    // A CRLF is in one piece.
    if (text.charCodeAt(to) === LF) to++;
    normalized += normalizePiece(text.slice(from, to));
    yield;
  }
  return normalized;
}

function normalizePiece(text: string): string {
  const builder = new TextBuilder();
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit !== CR) builder.push(unit);
    // Of CRLF, what follows is the line's end.
    else if (text.charCodeAt(at + 1) !== LF) builder.push(LF);
  }
  return builder.toString();
}
