/** The text of an error as a source has it. */
export interface ErrorText {
  /** With `…` for what differs from one error to the next. */
  readonly text: string;
  /** The class, where the source makes the error on the spot. */
  readonly type: string | undefined;
  readonly path: string;
}

/** A string or template in a source, and the code in front of it. */
interface Literal {
  /** With that of those that are added to it. */
  text: string;
  readonly before: string;
}

/** What makes an error of a text; a status or so may be ahead of it. */
const MAKES_ERROR =
  /\bnew (?:Deno\.errors\.(\w+)|(DOMException)|(\w*Error))\(\s*(?:[\w.]+,\s*)?$/;

/** A timer that makes a `DOMException` of the text behind its time. */
const MAKES_TIMEOUT = /\blimitTime\(\s*[\w.]+,\s*$/;

/** What only errors say, also where a function returns it for one. */
const TELLS_OF_TIMEOUT = " took longer than ";

/** A function that does, as by its name. */
const MAKES_ERROR_ELSEWHERE = /\b[a-z]\w*Error\(\s*$/;

/** One that is added to a literal in front of it is part of its text. */
const ADDED = /["'`]\s*\+\s*$/;

/** What a `DOMException` is called comes behind its text. */
const IS_NAME = /^\w+Error$/;

/** Behind these, `/` begins a regular expression and divides nothing. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};+\n]|\breturn|=>)\s*$/;

/**
 * The texts of errors in a source: strings and templates that are the message of an
 * error made there, and all that begin with "Cannot " or say that something took
 * longer than it may, which a function may make one of.
 */
export function errorTextsOf(path: string, source: string): ErrorText[] {
  const found: ErrorText[] = [];
  for (const { text, before } of literalsOf(source)) {
    const made = MAKES_ERROR.exec(before);
    const type = made?.[1] ?? made?.[2] ?? made?.[3] ??
      (text !== "" && MAKES_TIMEOUT.test(before) ? "DOMException" : undefined);
    const isError = type !== undefined || text.startsWith("Cannot ") ||
      text.includes(TELLS_OF_TIMEOUT) ||
      MAKES_ERROR_ELSEWHERE.test(before) && text.includes(" ");
    if (!isError || IS_NAME.test(text)) continue;
    found.push({ text: text.replaceAll(/…+/g, "…"), type, path });
  }
  return found;
}

/** All strings and templates outside of comments, those in templates too. */
function literalsOf(source: string): Literal[] {
  const found: Literal[] = [];
  let at = 0;

  /** Goes through code up to its end, or to the brace that ends a hole. */
  const code = (inHole: boolean) => {
    let depth = 0;
    let before = "";
    let last: Literal | undefined;
    while (at < source.length) {
      const rest = source.slice(at, at + 2);
      const char = rest[0]!;
      if (rest === "//") at = endOf("\n");
      else if (rest === "/*") at = endOf("*/");
      else if (char === "/" && BEFORE_REGEXP.test(before)) {
        regexp();
        before += "/";
      } else if (char === '"' || char === "'" || char === "`") {
        const text = literal(char);
        if (last && ADDED.test(before)) last.text += text;
        else found.push(last = { text, before });
        before += char;
      } else {
        if (char === "{") depth++;
        if (char === "}" && --depth < 0 && inHole) return;
        before = (before + char).slice(-80);
        at++;
      }
    }
  };

  const endOf = (mark: string) => {
    const end = source.indexOf(mark, at + 2);
    return end < 0 ? source.length : end + mark.length;
  };

  const regexp = () => {
    let inClass = false;
    for (at++; at < source.length; at++) {
      const char = source[at];
      if (char === "\\") at++;
      else if (char === "[") inClass = true;
      else if (char === "]") inClass = false;
      else if (char === "/" && !inClass || char === "\n") break;
    }
    at++;
  };

  const literal = (quote: string) => {
    let text = "";
    for (at++; at < source.length && source[at] !== quote; at++) {
      if (source[at] === "\\") {
        text += source[++at] === "n" ? "\n" : source[at];
      } else if (quote === "`" && source.startsWith("${", at)) {
        at += 2;
        code(true);
        text += "…";
      } else text += source[at];
    }
    at++;
    return text;
  };

  code(false);
  return found;
}
