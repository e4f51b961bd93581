/**
 * How what a handler, a peer, a thread or a process has given is printed: Deno
 * prints what several others hold once for each of them, and of each what it
 * holds, so that a few kilobytes may come to gigabytes.
 *
 * `handlers/` and `poll/` have this file alike, as `poll/` stands alone.
 */

import {
  isMap,
  isMapIterator,
  isNativeError,
  isPromise,
  isProxy,
  isSet,
  isSetIterator,
  isTypedArray,
} from "node:util/types";

/** How deep Deno looks into what it prints. */
const DEPTH = 4;
/** How many items of a list it prints. */
const MOST_ITEMS = 100;
/** How many characters of a text in an object it prints. */
const MOST_OF_A_TEXT = 10_000;
/** How much printing may come to before it is tried, in characters, roughly. */
const MOST_UNFOLDED = 256 * 1024;
/** How much of a text is printed, in characters. */
const MOST_PRINTED = 64 * 1024;
/** What an object comes to, beside what it holds. */
const OF_AN_OBJECT = 32;
/** What an object comes to that says itself how it is printed. */
const OF_A_CUSTOM_ONE = 1024;
/** Longer lists are not asked for what they hold beside their items. */
const MOST_LISTED = 4096;

/**
 * A value as `Deno.inspect` prints it, where that is not too much. It is counted
 * first, and looked into less deeply where it is.
 *
 * @throws What a value throws that says itself how it is printed.
 */
export function inspectBounded(thrown: unknown): string {
  const held = new Map<object, Held>();
  for (let depth = DEPTH; depth >= 0; depth--) {
    if (new Unfolding(held).fits(thrown, depth)) {
      return cutText(Deno.inspect(thrown, { depth }));
    }
  }
  return withoutProperties(thrown);
}

/**
 * The name and the message of an error that was thrown, or what was thrown instead
 * of one. Never throws.
 */
export function nameBounded(thrown: unknown): string {
  try {
    if (typeof thrown === "string") return cutText(thrown);
    if (isProxy(thrown) || !(thrown instanceof Error)) {
      return inspectBounded(thrown);
    }
    return cutText(nameAndMessage(thrown));
  } catch {
    return "something that cannot be printed";
  }
}

/** A text that somebody has given, which may be of any length, as it is printed. */
export function cutText(text: string): string {
  return text.length <= MOST_PRINTED
    ? text
    : `${
      text.slice(0, MOST_PRINTED)
    } … (cut, it had ${text.length} characters)`;
}

/** One count of what printing comes to. */
class Unfolding {
  #left = MOST_UNFOLDED;
  readonly #held: Map<object, Held>;

  /** @param held What objects hold, so that each is listed once. */
  constructor(held: Map<object, Held>) {
    this.#held = held;
  }

  /** Whether a value is not too much, if it is looked into so deeply. */
  fits(value: unknown, depth: number): boolean {
    if (typeof value === "string") {
      return this.#take(Math.min(value.length, MOST_OF_A_TEXT));
    }
    const isObject = typeof value === "object" || typeof value === "function";
    if (!isObject || value === null) return this.#take(8);
    // Nothing tells what is in these without running it.
    const opaque = isProxy(value) || isPromise(value) ||
      isMapIterator(value) || isSetIterator(value);
    if (opaque) return depth < 0 && this.#take(OF_AN_OBJECT);
    let held = this.#held.get(value);
    if (held === undefined) {
      held = look(value);
      this.#held.set(value, held);
    }
    if (!this.#take(held.size)) return false;
    return depth < 0 ||
      held.values.every((each) => this.fits(each, depth - 1));
  }

  #take(size: number): boolean {
    this.#left -= size;
    return this.#left >= 0;
  }
}

/** What an object comes to without what it holds, and what it holds. */
interface Held {
  readonly size: number;
  readonly values: readonly unknown[];
}

function look(value: object): Held {
  const isError = isNativeError(value) || value instanceof Error;
  let size = OF_AN_OBJECT + (isError ? sizeOfError(value as Error) : 0);
  if (isCustom(value)) return { size: size + OF_A_CUSTOM_ONE, values: [] };
  const values: unknown[] = isError ? heldByError(value as Error) : [];
  if (isMap(value)) {
    for (const entry of firstOf(Map.prototype.entries.call(value))) {
      values.push(...entry);
    }
  } else if (isSet(value)) {
    values.push(...firstOf(Set.prototype.values.call(value)));
  }
  const isList = Array.isArray(value) || isTypedArray(value);
  for (const key of isList ? keysOfList(value) : Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    size += typeof key === "string" ? key.length : OF_AN_OBJECT;
    if (size > MOST_UNFOLDED) break;
    if (property?.enumerable !== true || isError && key === "cause") continue;
    // A getter is not run by Deno either.
    values.push(property.value);
  }
  return { size, values };
}

/** Those of the items that are printed, and the others. */
function keysOfList(list: ArrayLike<unknown> & object): PropertyKey[] {
  if (list.length > MOST_LISTED) {
    const first = Array.from({ length: MOST_ITEMS }, (_, at) => String(at));
    if (first.every((key) => Object.hasOwn(list, key))) return first;
  }
  const keys = Reflect.ownKeys(list);
  const items = Array.isArray(list) ? keys.indexOf("length") : list.length;
  keys.splice(MOST_ITEMS, items - MOST_ITEMS);
  return keys;
}

function* firstOf<Item>(items: Iterable<Item>): Generator<Item> {
  let count = 0;
  for (const item of items) {
    if (++count > MOST_ITEMS) return;
    yield item;
  }
}

/** Whether it says itself how it is printed. Deno reads these too. */
function isCustom(value: object): boolean {
  return [
    "Deno.customInspect",
    "Deno.privateCustomInspect",
    "nodejs.util.inspect.custom",
  ].some((name) => typeof Reflect.get(value, Symbol.for(name)) === "function");
}

/** What Deno makes of its texts. */
function sizeOfError(error: Error): number {
  const { name, message, cause } = error;
  const stack = stackOf(error);
  // Deno makes a text of each, or looks into it, without a bound.
  if (isObject(name) || isObject(message) || isObject(stack)) return Infinity;
  const size = [stack, name, message].map((text) => String(text).length)
    .reduce((sum, length) => sum + length);
  // The lines of a stack are compared to each other and to those of the cause.
  const lines = linesOf(stack) +
    (isNativeError(cause) ? linesOf(stackOf(cause)) : 0);
  return size + lines ** 2 / 256;
}

/** Reading it may make a text of the others, which may be lists of lists. */
function stackOf(error: Error): unknown {
  return isObject(error.name) || isObject(error.message)
    ? undefined
    : error.stack;
}

function heldByError(error: Error): unknown[] {
  const { cause, errors } = error as Error & { readonly errors?: unknown };
  return Array.isArray(errors) && !isEnumerable(error, "errors")
    ? [cause, errors]
    : [cause];
}

function isEnumerable(value: object, key: string): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, key);
}

function linesOf(stack: unknown): number {
  return typeof stack === "string" ? stack.split("\n").length : 0;
}

function isObject(value: unknown): boolean {
  return typeof value === "object"
    ? value !== null
    : typeof value === "function";
}

/** An error whose properties are too many, or anything else that is too large. */
function withoutProperties(thrown: unknown): string {
  if (isProxy(thrown)) return "a Proxy, which is not looked into";
  if (!(thrown instanceof Error)) {
    return "something that is too large to be printed";
  }
  const stack = stackOf(thrown);
  const text = typeof stack === "string" ? stack : nameAndMessage(thrown);
  return `${cutText(text)}\n    (the rest of it is too large to be printed)`;
}

function nameAndMessage({ name, message }: Error): string {
  const texts = [name, message].map((value: unknown) =>
    isObject(value) ? "(an object)" : String(value)
  );
  return texts.filter((text) => text !== "").join(": ");
}
