import { inspectBounded } from "../../handlers/_inspect_bounded.ts";
import {
  BYTES_CLASSES,
  DEEPEST,
  ERROR_CLASSES,
  Kind,
  LONGEST_MESSAGE,
  MOST_OBJECTS,
} from "./value_format.ts";

/** How large the memory is that values are packed in at first, in bytes. */
const FIRST_SIZE = 1024;
/** Larger memory is not kept for the next value. */
const LARGEST_KEPT = 256 * 1024;

/** How long a text may become whose count takes one byte for certain, in bytes. */
const SMALL_TEXT = 0x7f;

/** A value as it travels, in memory of its own and no larger. */
export type Packed = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** The memory that the last value was packed in, unless one is being packed. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/** What a value is packed for, and how much of it may be. */
export interface Packing {
  /** What fails otherwise: `"post a message"`. */
  readonly action: string;
  /** How the value is called: `"message"`. */
  readonly name: string;
  /** How many bytes it may have as it travels. */
  readonly longest: number;
  /** How many arrays, objects and the like it may hold. */
  readonly mostObjects: number;
}

/** A message, for what sends it. */
export function messagePacking(action: string): Packing {
  return {
    ...{ action, name: "message" },
    ...{ longest: LONGEST_MESSAGE, mostObjects: MOST_OBJECTS },
  };
}

/** A configuration, which is the program's own: it has no limits. */
export const CONFIG_PACKING: Packing = {
  ...{ action: "configure handlers", name: "config" },
  ...{ longest: Infinity, mostObjects: Infinity },
};

/**
 * Packs a value, so that it can travel to another thread or process.
 *
 * @returns Bytes of its own.
 * @throws {TypeError} If it holds what cannot travel; says where.
 * @throws {RangeError} If it is too large, or nested too deep.
 * @throws What a getter of it throws.
 */
export function packValue(
  value: unknown,
  packing: Packing,
): Packed {
  const packer = new ValuePacker(packing, spare ?? new Uint8Array(FIRST_SIZE));
  // A getter may pack another value meanwhile.
  spare = undefined;
  packer.pack(value);
  const { memory, packed } = packer;
  if (memory.length <= LARGEST_KEPT) spare = memory;
  return packed;
}

/** A step from a value into one that it holds. */
type Step = string | number | KeyOfMap | typeof KEY | typeof VALUE;

/** The value of a map's key. */
interface KeyOfMap {
  readonly key: unknown;
}

/** A key of a map. */
const KEY = Symbol("key");
/** A value of a set. */
const VALUE = Symbol("value");

class ValuePacker {
  readonly #packing: Packing;
  #memory: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** What has begun, by number. */
  readonly #begun = new Map<object, number>();
  /** Where in the value this is. */
  readonly #path: Step[] = [];

  constructor(packing: Packing, memory: Uint8Array<ArrayBuffer>) {
    this.#packing = packing;
    this.#memory = memory;
  }

  get memory(): Uint8Array<ArrayBuffer> {
    return this.#memory;
  }

  /** @throws {RangeError} If it is too large. */
  get packed(): Packed {
    this.#checkLength(this.#length);
    return this.#memory.slice(0, this.#length);
  }

  pack(value: unknown): void {
    switch (typeof value) {
      case "undefined":
        return this.#byte(Kind.Undefined);
      case "boolean":
        return this.#byte(value ? Kind.True : Kind.False);
      case "number":
        return this.#number(value);
      case "bigint":
        this.#byte(Kind.BigInt);
        return this.#text(value.toString(16));
      case "string":
        return this.#text(value);
      case "object":
        if (value === null) return this.#byte(Kind.Null);
        return this.#object(value);
      default:
        throw this.#cannotTravel(`a ${typeof value}`);
    }
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#byte(Kind.Integer);
      return this.#count((value << 1 ^ value >> 31) >>> 0);
    }
    this.#byte(Kind.Number);
    this.#float(value);
  }

  #float(value: number): void {
    this.#reserve(8);
    new DataView(this.#memory.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  #text(text: string): void {
    if (!text.isWellFormed()) return this.#units(text);
    this.#byte(Kind.Text);
    const most = 3 * text.length;
    if (most <= SMALL_TEXT) {
      this.#reserve(1 + most);
      const { written } = encoder.encodeInto(
        text,
        this.#memory.subarray(this.#length + 1),
      );
      this.#memory[this.#length] = written;
      this.#length += 1 + written;
      return;
    }
    const bytes = encoder.encode(text);
    this.#count(bytes.length);
    this.#bytes(bytes);
  }

  #units(text: string): void {
    this.#byte(Kind.Units);
    this.#count(text.length);
    this.#reserve(2 * text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      this.#memory[this.#length++] = unit;
      this.#memory[this.#length++] = unit >> 8;
    }
  }

  #object(value: object): void {
    const number = this.#begun.get(value);
    if (number !== undefined) {
      this.#byte(Kind.Again);
      return this.#count(number);
    }
    if (this.#begun.size >= this.#packing.mostObjects) {
      throw this.#tooLarge(
        `holds more than ${this.#packing.mostObjects} objects`,
      );
    }
    if (this.#path.length >= DEEPEST) {
      throw this.#tooLarge(`is nested deeper than ${DEEPEST} levels`);
    }
    this.#begun.set(value, this.#begun.size);
    if (Array.isArray(value)) this.#array(value);
    else if (isPlain(value)) this.#plain(value);
    else if (value instanceof Map) this.#map(value);
    else if (value instanceof Set) this.#set(value);
    else if (value instanceof Date) {
      this.#byte(Kind.Date);
      this.#float(value.getTime());
    } else if (value instanceof Error) this.#error(value);
    else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      this.#binary(value);
    } else throw this.#cannotTravel(`an instance of ${className(value)}`);
  }

  #array(array: readonly unknown[]): void {
    const { length } = array;
    if (Object.keys(array).length !== length) {
      throw this.#cannotTravel("an array with gaps, or with other keys");
    }
    this.#byte(Kind.Array);
    this.#count(length);
    for (let i = 0; i < length; i++) this.#held(i, array[i]);
  }

  #plain(object: object): void {
    const keys = Object.keys(object);
    this.#byte(Kind.Object);
    this.#count(keys.length);
    for (const key of keys) {
      this.#text(key);
      this.#held(key, (object as Readonly<Record<string, unknown>>)[key]);
    }
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#byte(Kind.Map);
    // A getter of what it holds may change it.
    const entries = [...map];
    this.#count(entries.length);
    for (const [key, value] of entries) {
      this.#held(KEY, key);
      this.#held({ key }, value);
    }
  }

  #set(set: ReadonlySet<unknown>): void {
    this.#byte(Kind.Set);
    const values = [...set];
    this.#count(values.length);
    for (const value of values) this.#held(VALUE, value);
  }

  #error(error: Error): void {
    this.#byte(Kind.Error);
    const { name, message, stack } = error;
    const isKnown = ERROR_CLASSES.has(name);
    this.#text(isKnown ? name : "Error");
    // A name of its own is not lost.
    this.#text(isKnown ? String(message) : `${name}: ${message}`);
    if (stack === undefined) this.#byte(Kind.Undefined);
    else this.#text(String(stack));
    this.#held("cause", error.cause);
  }

  #binary(value: ArrayBuffer | ArrayBufferView): void {
    const index = BYTES_CLASSES.findLastIndex((Class) =>
      value instanceof Class
    );
    if (index < 0) {
      throw this.#cannotTravel(`an instance of ${className(value)}`);
    }
    const bytes = value instanceof ArrayBuffer
      ? new Uint8Array(value)
      : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    this.#byte(Kind.Bytes);
    this.#byte(index);
    this.#count(bytes.length);
    this.#bytes(bytes);
  }

  #held(step: Step, value: unknown): void {
    this.#path.push(step);
    this.pack(value);
    this.#path.pop();
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#memory[this.#length++] = byte;
  }

  #count(count: number): void {
    this.#reserve(5);
    while (count >= 0x80) {
      this.#memory[this.#length++] = count % 0x80 | 0x80;
      count = Math.floor(count / 0x80);
    }
    this.#memory[this.#length++] = count;
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#memory.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Makes room for more bytes. */
  #reserve(size: number): void {
    const needed = this.#length + size;
    // Some room is reserved for nothing. What it comes to is known at the end.
    this.#checkLength(needed - SMALL_TEXT);
    if (needed <= this.#memory.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#memory.length));
    larger.set(this.#memory.subarray(0, this.#length));
    this.#memory = larger;
  }

  #checkLength(length: number): void {
    const { longest } = this.#packing;
    if (length <= longest) return;
    throw this.#tooLarge(`has more than ${longest} bytes as it travels`);
  }

  #tooLarge(why: string): RangeError {
    const { action, name } = this.#packing;
    return new RangeError(
      `Cannot ${action}: the ${name} ${why}; send less at once, or only where it is found`,
    );
  }

  #cannotTravel(what: string): TypeError {
    const { action, name } = this.#packing;
    return new TypeError(
      `Cannot ${action}: ${name}${
        this.#path.map(describeStep).join("")
      } is ${what}, which cannot travel to another thread or process; pass data: plain objects, arrays, maps, sets, texts, numbers, dates, bytes`,
    );
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // The `Object.prototype` of another realm, and no iterator, no `Proxy` of a class.
  return Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, "hasOwnProperty");
}

function className(value: object): string {
  const { name } = (value as { readonly constructor?: { name?: unknown } })
    .constructor ?? {};
  return typeof name === "string" && name !== ""
    ? name.slice(0, 100)
    : "a class";
}

function describeStep(step: Step): string {
  if (typeof step === "number") return `[${step}]`;
  if (step === KEY) return ".keys()";
  if (step === VALUE) return ".values()";
  if (typeof step === "object") return `.get(${cutName(step.key)})`;
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(step) && step.length <= 100
    ? `.${step}`
    : `[${cutName(step)}]`;
}

function cutName(key: unknown): string {
  const text = inspectBounded(key);
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}
