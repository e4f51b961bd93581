/** How much of a function is looked at, in characters. */
const LONGEST = 10_000;

const NAME = "[\\p{ID_Start}$_][\\p{ID_Continue}$\\u200c\\u200d]*";
/** `a => …`. */
const BARE = new RegExp(`^(?:async\\s+)?(${NAME})\\s*=>`, "u");
/** What may stand before the parameters of a function, an arrow, a method. */
const BEFORE = new RegExp(
  `^(?:async\\b\\s*)?(?:function\\b\\s*)?\\*?\\s*(?:#?${NAME})?\\s*\\(`,
  "u",
);
const PARAMETER = new RegExp(`^(\\.\\.\\.)?\\s*(${NAME})\\s*(=)?`, "u");

const OPENING = "([{";
const CLOSING = ")]}";

/**
 * The names of a function's parameters, as it was written: `b?` has a default,
 * `...rest` takes all that follow, and `{…}` and `[…]` are taken apart.
 *
 * @returns Their names, or `undefined` where that cannot be told: the function is
 * JavaScript's own, or a default of it is not easily told from what follows.
 */
export function parameterNames(fn: unknown): readonly string[] | undefined {
  const source = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}$/.test(source)) return undefined;
  const start = source.slice(0, LONGEST);
  const [, bare] = BARE.exec(start) ?? [];
  if (bare !== undefined) return [bare];
  const [before] = BEFORE.exec(start) ?? [];
  if (before === undefined) return undefined;
  const pieces = splitList(start, before.length);
  return pieces?.map(nameOf);
}

/** What stands between the commas of a list, up to the parenthesis that ends it. */
function splitList(source: string, from: number): string[] | undefined {
  const pieces: string[] = [];
  let depth = 0;
  let piece = "";
  for (let at = from; at < source.length; at++) {
    const character = source[at]!;
    const skipped = skip(source, at);
    if (skipped === undefined) return undefined;
    if (skipped > at) {
      at = skipped - 1;
      continue;
    }
    if (depth === 0 && (character === "," || character === ")")) {
      if (piece.trim() !== "") pieces.push(piece.trim());
      piece = "";
      if (character === ")") return pieces;
      continue;
    }
    if (OPENING.includes(character)) depth++;
    if (CLOSING.includes(character)) depth--;
    piece += character;
  }
  return undefined;
}

/**
 * Where a comment or a text ends that starts here, or `at` where none does.
 *
 * @returns `undefined` if that cannot be told: a slash may start an expression,
 * and a template may have code in it.
 */
function skip(source: string, at: number): number | undefined {
  const character = source[at]!;
  if (character === "`") return undefined;
  if (character === '"' || character === "'") {
    for (let end = at + 1; end < source.length; end++) {
      if (source[end] === "\\") end++;
      else if (source[end] === character) return end + 1;
    }
    return undefined;
  }
  if (character !== "/") return at;
  const [start, stop] = source[at + 1] === "*"
    ? [at + 2, "*/"]
    : source[at + 1] === "/"
    ? [at + 2, "\n"]
    : [];
  if (stop === undefined) return undefined;
  const end = source.indexOf(stop, start);
  return end < 0 ? undefined : end + stop.length;
}

function nameOf(piece: string): string {
  const [, rest = "", name, hasDefault] = PARAMETER.exec(piece) ?? [];
  if (name === undefined) return piece.startsWith("[") ? "[…]" : "{…}";
  return `${rest}${name}${hasDefault === undefined ? "" : "?"}`;
}
