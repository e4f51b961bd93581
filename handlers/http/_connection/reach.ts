/**
 * Whether what answers a request may have the handler, and leave code running that
 * finds the next request in it. Where it may not, requests are served without a mark
 * (see `late.ts`), which takes a sixth of the time of a short one.
 *
 * Only the text of what was written can tell. What is in doubt has the handler.
 *
 * @module
 */

/** A class, or another function. */
// deno-lint-ignore ban-types -- whatever can be called.
type Code = Function;

/**
 * An arrow function, which has no `arguments` of its own, with one name for what it
 * is given, or none: it is given the request alone.
 */
const TAKES_REQUEST_ALONE = /^(async\s*)?(\(\s*[\w$]*\s*\)|[\w$]+)\s*=>/;

/**
 * By which words code has the object whose method it is, or asks what it is called
 * with. The last ones are of code whose text cannot be read: words that are escaped,
 * and functions that were bound.
 */
const NAMES_OBJECT = /\b(this|super|eval|arguments)\b|\\u|\[native code\]/;

/** Whether a function that is given a request and its handler may take the latter. */
export function takesHandler(answer: Code): boolean {
  return !TAKES_REQUEST_ALONE.test(textOf(answer));
}

/** Classes of this module whose own methods give the handler to nobody. */
const unreaching = new WeakSet<Code>();

/** Says that a class's own methods give the handler to nobody. */
export function reachesNothing(Handler: Code): void {
  unreaching.add(Handler);
}

/** What was found of a class, as long as it has this method. */
const found = new WeakMap<Code, { readonly fetch: unknown; reach: boolean }>();

/**
 * Whether the methods and fields of a handler class may have the handler.
 *
 * @param Handler The class, or one that extends one that was said to reach nothing.
 */
export function reachesHandler(Handler: Code): boolean {
  const { fetch } = Handler.prototype;
  let known = found.get(Handler);
  // Somebody may have replaced it: what is asked most is looked at again.
  if (known?.fetch !== fetch) {
    found.set(Handler, known = { fetch, reach: looksAt(Handler) });
  }
  return known!.reach;
}

function looksAt(Handler: Code): boolean {
  for (
    let at: Code | null = Handler;
    at === null || !unreaching.has(at);
    at = Object.getPrototypeOf(at)
  ) {
    if (at === null || namesObject(at)) return true;
    // They need not be what the text of the class says.
    const members = Object.getOwnPropertyDescriptors(at.prototype);
    for (const key of Reflect.ownKeys(members)) {
      if (key === "constructor") continue;
      const { value, get, set } = members[key as string]!;
      for (const code of [value, get, set]) {
        if (typeof code === "function" && namesObject(code)) return true;
      }
    }
  }
  return false;
}

function namesObject(code: Code): boolean {
  return NAMES_OBJECT.test(textOf(code));
}

function textOf(code: Code): string {
  return Function.prototype.toString.call(code);
}
