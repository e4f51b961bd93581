import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";
import { readReference } from "./references.ts";
import { TextBuilder } from "./text_builder.ts";
import { ILLEGAL } from "./xml_characters.ts";

/** What {@linkcode XMLReader.next} came upon. */
export type XMLToken = "start" | "end" | "text" | "document end";

/** NameStartChar and NameChar of XML 1.0, fifth edition, productions 4 and 4a. */
const NAME_START =
  ":A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}-\\u{200D}\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}";
const NAME = new RegExp(
  `[${NAME_START}][${NAME_START}.0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}-\\u{2040}-]*`,
  "uy",
);
/** Production 23. */
const DECLARATION =
  /<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"1\.[0-9]+"|'1\.[0-9]+')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"[A-Za-z][A-Za-z0-9._-]*"|'[A-Za-z][A-Za-z0-9._-]*'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\n]*\?>/y;
const SPACE = /[ \t\n]*/y;
const ONLY_SPACE = /^[ \t\n]*$/;
/** XML-RPC has none. Each takes as long as an element. */
const MOST_ATTRIBUTES = 100;

/** A document's names may be of any length, and are repeated in errors. */
const LONGEST_DETAIL = 200;

/**
 * Reads XML 1.0 from beginning to end, a token at a time. What is not
 * well-formed is refused, and so is every document type declaration: with it go
 * all entities but the five that XML has, and whatever they could be made to do.
 *
 * CDATA sections, comments and processing instructions are well-formed without
 * one. The first are text, the others are passed over.
 *
 * It calls nothing of itself, so no document is too deep for the stack. Each step
 * takes at least one character of the document, or ends it.
 */
export class XMLReader {
  /** After "start" and "end", the element's name. */
  name = "";
  /** After "text", all of it up to the next tag. */
  text = "";
  readonly #source: string;
  readonly #maxDepth: number;
  readonly #maxMarkup: number;
  /** How many elements, attributes, comments and the like there were. */
  #markup = 0;
  #at = 0;
  /** The elements that are open, the outermost first. */
  readonly #open: string[] = [];
  /** Whether the element that was just started ends there: `<nil/>`. */
  #empty = false;
  #rootSeen = false;

  /**
   * @param source The document, whose lines end in LF.
   * @param maxDepth How many elements may be inside one another.
   * @param maxMarkup How many elements, attributes, comments and the like there
   * may be: each takes some hundred times as long as a character of text.
   * @throws {XMLRPCFault} If a character is none of XML's, or the XML
   * declaration is not well-formed.
   */
  constructor(source: string, maxDepth: number, maxMarkup: number) {
    this.#source = source;
    this.#maxDepth = maxDepth;
    this.#maxMarkup = maxMarkup;
    const illegal = this.#source.search(ILLEGAL);
    if (illegal >= 0) {
      const code = this.#source.charCodeAt(illegal).toString(16);
      throw this.#fault(
        `it has the character U+${code.padStart(4, "0")}`,
        illegal,
      );
    }
    if (!this.#source.isWellFormed()) {
      throw this.#fault("it has a lone surrogate");
    }
    if (/^<\?xml[ \t\n]/.test(this.#source)) {
      this.#at = this.#match(DECLARATION)?.length ??
        this.#refuse("the XML declaration is malformed");
    }
  }

  /**
   * Goes to the next token.
   *
   * @throws {XMLRPCFault} If the document is not well-formed there.
   */
  next(): XMLToken {
    if (this.#empty) {
      this.#empty = false;
      return this.#ended(this.name);
    }
    let text = "";
    const source = this.#source;
    while (true) {
      const tag = source.indexOf("<", this.#at);
      const end = tag < 0 ? source.length : tag;
      if (end > this.#at) {
        text += this.#characters(source.slice(this.#at, end));
        this.#at = end;
      }
      if (tag < 0) {
        if (this.#open.length > 0) {
          this.#refuse(`it ends inside of <${this.#open.at(-1)}>`);
        }
        if (!this.#rootSeen) this.#refuse("it has no element");
        return "document end";
      }
      const follows = source[tag + 1];
      if (follows === "!" || follows === "?") {
        text += this.#passOver();
        continue;
      }
      if (text !== "" && this.#open.length > 0) {
        this.text = text;
        return "text";
      }
      return follows === "/" ? this.#endTag() : this.#startTag();
    }
  }

  /**
   * Goes to the next tag, past nothing but white space.
   *
   * @throws {XMLRPCFault} If there is text, or the document is not well-formed.
   */
  tag(): Exclude<XMLToken, "text"> {
    const token = this.next();
    if (token !== "text") return token;
    if (!ONLY_SPACE.test(this.text)) {
      throw invalidRequest(
        `there is text where only an element may be: "${
          this.text.trim().slice(0, 40)
        }"`,
      );
    }
    return this.next() as Exclude<XMLToken, "text">;
  }

  /**
   * Reads an element's text, and its end tag.
   *
   * @throws {XMLRPCFault} If there is an element in it.
   */
  content(): string {
    const { name } = this;
    let text = "";
    let token = this.next();
    if (token === "text") {
      text = this.text;
      token = this.next();
    }
    if (token === "end") return text;
    throw invalidRequest(`<${this.name}> is inside of <${name}>`);
  }

  #startTag(): "start" {
    this.#count();
    this.#at++;
    const name = this.#name("an element");
    if (this.#open.length === 0 && this.#rootSeen) {
      this.#refuse(`<${name}> follows the end of the document`);
    }
    if (this.#open.length === this.#maxDepth) {
      this.#refuse(
        `more than ${this.#maxDepth} elements are inside one another`,
      );
    }
    this.#rootSeen = true;
    if (this.#source[this.#at] !== ">") this.#attributes(name);
    if (this.#source[this.#at] === "/") {
      this.#empty = true;
      this.#at++;
    }
    if (this.#source[this.#at] !== ">") {
      this.#refuse(`the tag <${name}> does not end`);
    }
    this.#at++;
    this.name = name;
    this.#open.push(name);
    return "start";
  }

  #endTag(): "end" {
    const expected = this.#open.at(-1);
    if (expected === undefined) this.#refuse("an end tag has no start tag");
    this.#at += 2;
    const name = this.#name("an end tag");
    if (name !== expected) {
      this.#refuse(`</${name}> stands where </${expected}> should`);
    }
    this.#space();
    if (this.#source[this.#at] !== ">") {
      this.#refuse(`the tag </${name}> does not end`);
    }
    this.#at++;
    return this.#ended(name);
  }

  #ended(name: string): "end" {
    this.#open.pop();
    this.name = name;
    return "end";
  }

  /** XML-RPC has no attributes. They must be well-formed, and mean nothing. */
  #attributes(element: string): void {
    const names = new Set<string>();
    const source = this.#source;
    while (names.size <= MOST_ATTRIBUTES) {
      const spaced = this.#space();
      const follows = source[this.#at];
      if (follows === ">" || follows === "/") return;
      if (!spaced) this.#refuse(`the tag <${element}> is malformed`);
      this.#count();
      const name = this.#name(`an attribute of <${element}>`);
      if (names.has(name)) {
        this.#refuse(`<${element}> has the attribute "${name}" twice`);
      }
      names.add(name);
      this.#space();
      if (source[this.#at] !== "=") {
        this.#refuse(`the attribute "${name}" of <${element}> has no value`);
      }
      this.#at++;
      this.#space();
      const quote = source[this.#at]!;
      const end = quote === '"' || quote === "'"
        ? source.indexOf(quote, this.#at + 1)
        : -1;
      if (end < 0) {
        this.#refuse(`the value of the attribute "${name}" is not quoted`);
      }
      const value = source.slice(this.#at + 1, end);
      if (value.includes("<")) {
        this.#refuse(`the value of the attribute "${name}" has a "<"`);
      }
      this.#resolve(value);
      this.#at = end + 1;
    }
    this.#refuse(`<${element}> has more than ${MOST_ATTRIBUTES} attributes`);
  }

  /** Passes over what is no element, and gives the text of a CDATA section. */
  #passOver(): string {
    const source = this.#source;
    this.#count();
    if (source.startsWith("<!--", this.#at)) {
      const end = source.indexOf("--", this.#at + 4);
      if (end < 0) this.#refuse("a comment does not end");
      if (source[end + 2] !== ">") this.#refuse('a comment has "--" in it');
      this.#at = end + 3;
      return "";
    }
    if (source.startsWith("<![CDATA[", this.#at)) {
      if (this.#open.length === 0) {
        this.#refuse("a CDATA section is outside of all elements");
      }
      const from = this.#at + 9;
      const end = source.indexOf("]]>", from);
      if (end < 0) this.#refuse("a CDATA section does not end");
      this.#at = end + 3;
      return source.slice(from, end);
    }
    if (source.startsWith("<!DOCTYPE", this.#at)) {
      this.#refuse("it has a document type declaration, which is not accepted");
    }
    if (source[this.#at + 1] === "!") this.#refuse('"<!" starts nothing known');
    this.#instruction();
    return "";
  }

  /** Production 16. */
  #instruction(): void {
    this.#at += 2;
    const target = this.#name("a processing instruction");
    if (target.toLowerCase() === "xml") {
      this.#refuse("an XML declaration is not at the beginning");
    }
    const spaced = this.#space();
    const end = this.#source.indexOf("?>", this.#at);
    if (end < 0) this.#refuse(`<?${target} does not end`);
    if (!spaced && end > this.#at) this.#refuse(`<?${target} is malformed`);
    this.#at = end + 2;
  }

  /** What a stretch of text means. */
  #characters(raw: string): string {
    if (this.#open.length === 0) {
      if (ONLY_SPACE.test(raw)) return "";
      this.#refuse("there is text outside of all elements");
    }
    // Section 2.4.
    if (raw.includes("]]>")) this.#refuse('text has "]]>" in it');
    return this.#resolve(raw);
  }

  /** Puts characters in the place of references. */
  #resolve(raw: string): string {
    let ampersand = raw.indexOf("&");
    if (ampersand < 0) return raw;
    const text = new TextBuilder();
    let from = 0;
    do {
      if (ampersand > from) text.append(raw, from, ampersand);
      const reference = readReference(raw, ampersand + 1) ??
        this.#refuse('"&" starts no reference');
      const { code, end } = reference;
      if (code === undefined) {
        const name = raw.slice(ampersand, end);
        this.#refuse(`the entity "${name}" is not known`);
      }
      if (code >= 0x20 && code < 0xd800) text.push(code);
      else text.append(this.#character(code, raw.slice(ampersand, end)));
      from = end;
      ampersand = raw.indexOf("&", from);
    } while (ampersand >= 0);
    text.append(raw, from);
    return text.toString();
  }

  #character(code: number, reference: string): string {
    const legal = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    const character = legal ? String.fromCodePoint(code) : "";
    if (!legal || ILLEGAL.test(character)) {
      this.#refuse(`"${reference}" is no character of XML`);
    }
    return character;
  }

  #name(of: string): string {
    return this.#match(NAME) ?? this.#refuse(`${of} has no name`);
  }

  #space(): boolean {
    return this.#match(SPACE) !== "";
  }

  /** Goes past what a sticky pattern matches here. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#source)) return undefined;
    const matched = this.#source.slice(this.#at, pattern.lastIndex);
    this.#at = pattern.lastIndex;
    return matched;
  }

  #count(): void {
    if (++this.#markup > this.#maxMarkup) {
      this.#refuse(
        `it has more than ${this.#maxMarkup} elements, attributes and comments; raise maxValues to read it`,
      );
    }
  }

  #refuse(detail: string): never {
    throw this.#fault(detail);
  }

  #fault(detail: string, at = this.#at): XMLRPCFault {
    let line = 1;
    let lineStart = 0;
    for (let i = 0; i < at; i++) {
      if (this.#source.charCodeAt(i) !== 0x0a) continue;
      line++;
      lineStart = i + 1;
    }
    const column = at - lineStart + 1;
    return new XMLRPCFault(
      XMLRPC_FAULT_CODES.parseError,
      `Cannot parse XML at line ${line}, column ${column}: ${
        detail.slice(0, LONGEST_DETAIL)
      }`,
    );
  }
}

/** A fault for XML that is well-formed and not of XML-RPC. */
export function invalidRequest(detail: string): XMLRPCFault {
  return new XMLRPCFault(
    XMLRPC_FAULT_CODES.invalidRequest,
    `Cannot read XML-RPC: ${detail.slice(0, LONGEST_DETAIL)}`,
  );
}
