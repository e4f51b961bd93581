/**
 * What is thrown, in a form that travels as JSON: errors with their class, cause
 * and properties, errors that hold errors, and values that are no errors. What
 * cannot travel, such as a function, is described instead.
 */

import { inspectBounded } from "../../handlers/_inspect_bounded.ts";
import {
  IncompleteReadError,
  LimitOverrunError,
} from "../../handlers/streams/stream_errors.ts";
import { ProtocolError } from "./frames.ts";

/** A value in that form. It is an error unless `kind` says what else it is. */
export interface Portable {
  readonly kind?: unknown;
  /** The number by which it is known where it comes again. */
  readonly node?: unknown;
  /** The value, or what stands for it. */
  readonly value?: unknown;
  readonly message?: unknown;
  readonly name?: unknown;
  readonly stack?: unknown;
  /** The known class that it is an instance of; by default the one of its name. */
  readonly class?: unknown;
  readonly cause?: unknown;
  /** Its own others: the name, 1 if it is enumerable, and the value of each. */
  readonly properties?: unknown;
}

/** How many errors and objects travel together. */
const MOST_NODES = 64;
/** How deep they may be nested. */
const DEEPEST = 16;
/** How many properties of one of them travel. */
const MOST_PROPERTIES = 32;

/** What stands for what was too much, or could not be looked at. */
const CUT = "… (cut, it was too deep, or too much)";

/** What instances of the known classes inherit from. */
const PROTOTYPES: ReadonlyMap<string, object> = new Map<string, object>(
  Object.entries({
    ...Deno.errors,
    AggregateError,
    Error,
    EvalError,
    IncompleteReadError,
    LimitOverrunError,
    RangeError,
    ReferenceError,
    SuppressedError,
    SyntaxError,
    TypeError,
    URIError,
  }).map(([name, { prototype }]) => [name, prototype]),
);

const NAMES: ReadonlyMap<object, string> = new Map(
  Array.from(PROTOTYPES, ([name, prototype]) => [prototype, name]),
);

/** Those that are described apart, or that the other side would not take. */
const OTHER_PROPERTIES: ReadonlySet<string> = new Set([
  "cause",
  "message",
  "stack",
]);

/** Packs one value, and what it holds. */
export class Packer {
  /** Longer texts are cut. */
  readonly #most: number;
  /** The errors and objects so far, by which those in a circle are known. */
  readonly #nodes = new Map<object, number>();

  /** @param most How many characters of a text travel. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Never fails. */
  pack(value: unknown, depth = 0): Portable {
    try {
      return this.#pack(value, depth);
    } catch {
      // A getter of it throws, or it is a proxy that was revoked.
      return { name: "Error", message: "Threw what cannot be looked at" };
    }
  }

  #pack(value: unknown, depth: number): Portable {
    switch (typeof value) {
      case "string":
        return { kind: "value", value: this.#cut(value) };
      case "boolean":
        return { kind: "value", value };
      case "undefined":
        return { kind: "undefined" };
      case "number":
      case "bigint":
        // Not all numbers are in JSON.
        return { kind: typeof value, value: this.#cut(numeral(value)) };
      case "object":
        if (value === null) return { kind: "value", value };
        return this.#packObject(value, depth);
      default:
        return this.#describe(value);
    }
  }

  #packObject(value: object, depth: number): Portable {
    const node = this.#nodes.get(value);
    if (node !== undefined) return { kind: "again", value: node };
    if (depth > DEEPEST || this.#nodes.size === MOST_NODES) {
      return { kind: "value", value: CUT };
    }
    if (value instanceof Error) return this.#packError(value, depth);
    if (value instanceof Uint8Array) {
      return { kind: "bytes", value: [...value.subarray(0, this.#most / 4)] };
    }
    const prototype = Object.getPrototypeOf(value);
    if (Array.isArray(value)) {
      return {
        kind: "array",
        node: this.#number(value),
        properties: value.slice(0, MOST_PROPERTIES)
          .map((item) => this.pack(item, depth + 1)),
      };
    }
    if (prototype !== Object.prototype && prototype !== null) {
      return this.#describe(value);
    }
    const number = this.#number(value);
    const properties = this.#properties(value, depth);
    return { kind: "object", node: number, properties };
  }

  #number(value: object): number {
    const number = this.#nodes.size;
    this.#nodes.set(value, number);
    return number;
  }

  #packError(error: Error, depth: number): Portable {
    const { name, message, stack } = error;
    return {
      node: this.#number(error),
      name: this.#cut(String(name)),
      message: this.#cut(String(message)),
      ...(stack === undefined ? {} : { stack: this.#cut(String(stack)) }),
      class: error instanceof DOMException ? "DOMException" : className(error),
      ...("cause" in error
        ? { cause: this.pack(error.cause, depth + 1) }
        : undefined),
      properties: this.#properties(error, depth),
    };
  }

  #properties(value: object, depth: number): unknown[] {
    const packed: unknown[] = [];
    for (const key of Object.getOwnPropertyNames(value)) {
      if (packed.length === MOST_PROPERTIES) break;
      if (value instanceof Error && OTHER_PROPERTIES.has(key)) continue;
      const enumerable = Object.prototype.propertyIsEnumerable.call(value, key);
      const property = (value as Readonly<Record<string, unknown>>)[key];
      packed.push([
        this.#cut(key),
        enumerable ? 1 : 0,
        this.pack(property, depth + 1),
      ]);
    }
    return packed;
  }

  /** What can only be told of a value. */
  #describe(value: unknown): Portable {
    return {
      name: "Error",
      message: this.#cut(`Threw ${inspectBounded(value)}`),
    };
  }

  #cut(text: string): string {
    return text.length <= this.#most
      ? text
      : `${
        text.slice(0, this.#most)
      } … (cut, it had ${text.length} characters)`;
  }
}

function numeral(value: number | bigint): string {
  return Object.is(value, -0) ? "-0" : `${value}`;
}

/** The name of the most special known class of an error. */
function className(error: Error): string {
  let prototype: object | null = error;
  while ((prototype = Object.getPrototypeOf(prototype)) !== null) {
    const name = NAMES.get(prototype);
    if (name !== undefined) return name;
  }
  return "Error";
}

/** Unpacks one value. What it is given may be anything. */
export class Unpacker {
  readonly #nodes = new Map<unknown, object>();

  /** @throws {ProtocolError} If it is nothing that was packed. */
  unpack(from: unknown, depth = 0): unknown {
    if (typeof from !== "object" || from === null) refuse("it is no object");
    const { kind, node, value, properties } = from as Portable;
    switch (kind) {
      case undefined:
        return this.#unpackError(from as Portable, depth);
      case "value":
        if (typeof value !== "object" || value === null) return value;
        return refuse("its value is an object");
      case "undefined":
        return undefined;
      case "number":
        return Number(text(value, "a number"));
      case "bigint":
        return bigint(text(value, "an integer"));
      case "bytes":
        return Uint8Array.from(list(value), Number);
      case "again":
        return this.#nodes.get(value) ?? CUT;
      case "array": {
        const array: unknown[] = [];
        this.#nodes.set(node, array);
        if (depth > DEEPEST) return array;
        for (const item of list(properties)) {
          array.push(this.unpack(item, depth + 1));
        }
        return array;
      }
      case "object": {
        const object = {};
        this.#nodes.set(node, object);
        this.#addProperties(object, properties, depth);
        return object;
      }
      default:
        return refuse("it is of no known kind");
    }
  }

  #unpackError(from: Portable, depth: number): Error {
    const { stack, cause, properties } = from;
    const message = text(from.message, "a message");
    const name = typeof from.name === "string" ? from.name : "Error";
    const error = from.class === "DOMException"
      ? new DOMException(message, name)
      : new Error(message);
    this.#nodes.set(from.node, error);
    const known = PROTOTYPES.get(
      typeof from.class === "string" ? from.class : name,
    );
    if (!(error instanceof DOMException) && known !== undefined) {
      Object.setPrototypeOf(error, known);
    }
    if (typeof stack === "string") define(error, "stack", stack, false);
    if (cause !== undefined && depth <= DEEPEST) {
      define(error, "cause", this.unpack(cause, depth + 1), false);
    }
    this.#addProperties(error, properties, depth);
    if (error.name !== name) define(error, "name", name, false);
    return error;
  }

  #addProperties(target: object, properties: unknown, depth: number): void {
    if (properties === undefined || depth > DEEPEST) return;
    for (const property of list(properties)) {
      const [key, enumerable, value] = list(property);
      const name = text(key, "the name of a property");
      if (target instanceof Error && OTHER_PROPERTIES.has(name)) continue;
      define(target, name, this.unpack(value, depth + 1), enumerable === 1);
    }
  }
}

/** Never runs a setter, such as that of `__proto__`. */
function define(
  target: object,
  name: string,
  value: unknown,
  enumerable: boolean,
): void {
  Object.defineProperty(target, name, {
    value,
    enumerable,
    writable: true,
    configurable: true,
  });
}

function text(value: unknown, what: string): string {
  return typeof value === "string" ? value : refuse(`it has not ${what}`);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : refuse("it has no list");
}

function bigint(digits: string): bigint {
  try {
    return BigInt(digits);
  } catch {
    return refuse(`"${digits}" is no integer`);
  }
}

function refuse(why: string): never {
  throw new ProtocolError(`Cannot read what was thrown: ${why}`);
}
