import { ProtocolError } from "../_bridge/frames.ts";
import {
  BYTES_CLASSES,
  DEEPEST,
  ERROR_CLASSES,
  Kind,
  MOST_OBJECTS,
} from "./value_format.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The largest count: of 5 bytes, 32 bits are used. */
const LARGEST_COUNT = 2 ** 32 - 1;

/**
 * Unpacks a message. What it is given may be anything, and is not kept.
 *
 * @param bytes The bytes, in memory that nobody else writes to.
 * @param frozen Whether objects and arrays in it are frozen, for all who share it.
 * @throws {ProtocolError} If they are none of `packValue`, or too much.
 */
export function unpackMessage(bytes: Uint8Array, frozen: boolean): unknown {
  return new ValueUnpacker(bytes, frozen, MOST_OBJECTS).unpackAll();
}

/**
 * Unpacks a configuration, whose objects and arrays are frozen.
 *
 * @throws {ProtocolError} If the bytes are none of `packValue`.
 */
export function unpackConfig(bytes: Uint8Array): unknown {
  return new ValueUnpacker(bytes, true, Infinity).unpackAll();
}

class ValueUnpacker {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #frozen: boolean;
  readonly #mostObjects: number;
  /** What has begun, by number. */
  readonly #begun: object[] = [];
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, frozen: boolean, mostObjects: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#frozen = frozen;
    this.#mostObjects = mostObjects;
  }

  unpackAll(): unknown {
    const value = this.#unpack();
    if (this.#at !== this.#bytes.length) refuse("bytes follow it");
    // Not earlier: what holds itself is complete only now.
    if (this.#frozen) {
      for (const object of this.#begun) {
        if (Array.isArray(object) || isPlain(object)) Object.freeze(object);
      }
    }
    return value;
  }

  #unpack(): unknown {
    const kind = this.#byte();
    switch (kind) {
      case Kind.Undefined:
        return undefined;
      case Kind.Null:
        return null;
      case Kind.False:
        return false;
      case Kind.True:
        return true;
      case Kind.Integer: {
        const zigzag = this.#count();
        return zigzag >>> 1 ^ -(zigzag & 1);
      }
      case Kind.Number:
        return this.#float();
      case Kind.BigInt:
        return this.#bigint();
      case Kind.Text:
      case Kind.Units:
        return this.#text(kind);
      case Kind.Again: {
        const object = this.#begun[this.#count()];
        return object ?? refuse("what comes again has not come before");
      }
      default:
        return this.#object(kind);
    }
  }

  #object(kind: number): object {
    if (this.#begun.length >= this.#mostObjects) {
      refuse("it has too many objects");
    }
    if (++this.#depth > DEEPEST) refuse("it is nested too deep");
    const object = this.#make(kind);
    this.#depth--;
    return object;
  }

  #make(kind: number): object {
    switch (kind) {
      case Kind.Array: {
        const array = this.#begin<unknown[]>([]);
        for (let left = this.#items(); left > 0; left--) {
          array.push(this.#unpack());
        }
        return array;
      }
      case Kind.Object: {
        const object = this.#begin<Record<string, unknown>>({});
        for (let left = this.#items(2); left > 0; left--) {
          const key = this.#text(this.#byte());
          const value = this.#unpack();
          // It would set what the object inherits from.
          if (key === "__proto__") define(object, key, value);
          else object[key] = value;
        }
        return object;
      }
      case Kind.Map: {
        const map = this.#begin(new Map<unknown, unknown>());
        for (let left = this.#items(2); left > 0; left--) {
          const key = this.#unpack();
          map.set(key, this.#unpack());
        }
        return map;
      }
      case Kind.Set: {
        const set = this.#begin(new Set<unknown>());
        for (let left = this.#items(); left > 0; left--) {
          set.add(this.#unpack());
        }
        return set;
      }
      case Kind.Date:
        return this.#begin(new Date(this.#float()));
      case Kind.Bytes:
        return this.#begin(this.#binary());
      case Kind.Error:
        return this.#error();
      default:
        return refuse(`there is no kind ${kind}`);
    }
  }

  #begin<T extends object>(object: T): T {
    this.#begun.push(object);
    return object;
  }

  #error(): Error {
    // It is numbered before its cause, which may be itself.
    const place = this.#begun.push({}) - 1;
    const name = this.#text(this.#byte());
    const message = this.#text(this.#byte());
    const ErrorClass = ERROR_CLASSES.get(name) ?? Error;
    // A stack of here would cost more than the rest, and tell nothing. A program may
    // have frozen the class.
    const { stackTraceLimit } = Error;
    Reflect.set(Error, "stackTraceLimit", 0);
    const error = new ErrorClass(message);
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
    this.#begun[place] = error;
    const kind = this.#byte();
    if (kind !== Kind.Undefined) {
      define(error, "stack", this.#text(kind), false);
    }
    const cause = this.#unpack();
    if (cause !== undefined) define(error, "cause", cause, false);
    return error;
  }

  #binary(): object {
    const Class = BYTES_CLASSES[this.#byte()] ?? refuse("it has no such bytes");
    const size = this.#count();
    const { buffer } = this.#take(size).slice();
    if (Class === ArrayBuffer) return buffer;
    const View = Class as typeof Uint8Array;
    // A `DataView` has no elements.
    const { BYTES_PER_ELEMENT: each = 1 } = View as Partial<typeof View>;
    if (size % each !== 0) refuse("its bytes make no whole elements");
    return new View(buffer as ArrayBuffer);
  }

  #bigint(): bigint {
    const digits = this.#text(this.#byte());
    const isNegative = digits.startsWith("-");
    const magnitude = isNegative ? digits.slice(1) : digits;
    if (!/^[\da-f]+$/.test(magnitude)) refuse("it has no such integer");
    const value = BigInt(`0x${magnitude}`);
    return isNegative ? -value : value;
  }

  #text(kind: number): string {
    const count = this.#count();
    if (kind === Kind.Text) {
      const bytes = this.#take(count);
      try {
        return decoder.decode(bytes);
      } catch {
        return refuse("a text is not UTF-8");
      }
    }
    if (kind !== Kind.Units) refuse("a text is missing");
    const bytes = this.#take(2 * count);
    const units: string[] = [];
    for (let i = 0; i < bytes.length; i += 2) {
      units.push(String.fromCharCode(bytes[i]! | bytes[i + 1]! << 8));
    }
    return units.join("");
  }

  #float(): number {
    const at = this.#at;
    this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  #byte(): number {
    return this.#take(1)[0]!;
  }

  /** How many follow, each of which takes `least` bytes: no more than are there. */
  #items(least = 1): number {
    const count = this.#count();
    if (count * least > this.#bytes.length - this.#at) refuse("it is cut");
    return count;
  }

  #count(): number {
    let count = 0;
    for (let scale = 1, size = 0; size < 5; scale *= 0x80, size++) {
      const byte = this.#byte();
      count += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return count <= LARGEST_COUNT ? count : refuse("a count is too large");
      }
    }
    return refuse("a count is too long");
  }

  #take(size: number): Uint8Array {
    const end = this.#at + size;
    if (end > this.#bytes.length) refuse("it is cut");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function isPlain(object: object): boolean {
  return Object.getPrototypeOf(object) === Object.prototype;
}

/** Never runs a setter. */
function define(
  target: object,
  name: string,
  value: unknown,
  enumerable = true,
): void {
  Object.defineProperty(target, name, {
    ...{ value, enumerable, writable: true, configurable: true },
  });
}

function refuse(why: string): never {
  throw new ProtocolError(`Cannot read a message: ${why}`);
}
