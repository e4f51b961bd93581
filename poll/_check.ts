/** What is checked here is checked so that C never sees it. */

/** The largest descriptor, length and timeout that a C int holds. */
export const INT_MAX = 0x7fff_ffff;

/**
 * The length that V8 itself keeps. A subclass may answer `byteLength` with
 * anything, and a length that is wrong would let C write past the buffer.
 */
const byteLengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "byteLength",
)!.get!;

const isTypedArray = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

const bufferOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "buffer",
)!.get!;

const byteOffsetOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "byteOffset",
)!.get!;

/**
 * How many bytes a buffer holds at this moment. A shared or resizable one is as
 * good as any: the call that follows is synchronous, nothing can shrink it.
 *
 * @throws {TypeError} If it is no Uint8Array, or has been detached.
 * @throws {RangeError} If it is longer than 2^31 - 1 bytes.
 */
export function byteLength(buffer: Uint8Array, action: string): number {
  if (!ArrayBuffer.isView(buffer) || isTypedArray.call(buffer) === undefined) {
    throw new TypeError(
      `Cannot ${action}: the buffer must be a Uint8Array, not ${
        describe(buffer)
      }`,
    );
  }
  const length = byteLengthOf.call(buffer) as number;
  if (length === 0 && (bufferOf.call(buffer) as ArrayBuffer).detached) {
    throw new TypeError(
      `Cannot ${action}: the buffer is detached, it was transferred elsewhere`,
    );
  }
  if (length > INT_MAX) {
    throw new RangeError(
      `Cannot ${action}: the buffer has ${length} bytes, at most ${INT_MAX} go in one call`,
    );
  }
  return length;
}

/**
 * Part of a buffer, at most to its end. Of whatever class that is, and whatever
 * its methods do, the part is a plain Uint8Array of the same memory.
 */
export function part(
  buffer: Uint8Array,
  start: number,
  end: number,
): Uint8Array {
  const length = byteLengthOf.call(buffer) as number;
  const from = Math.min(start, length);
  return new Uint8Array(
    bufferOf.call(buffer) as ArrayBuffer,
    (byteOffsetOf.call(buffer) as number) + from,
    Math.max(0, Math.min(end, length) - from),
  );
}

/**
 * @throws {TypeError} If `value` is no integer.
 * @throws {RangeError} If it is not from `min` to `max`.
 */
export function integer(
  value: number,
  what: string,
  min: number,
  max: number,
): number {
  if (!Number.isInteger(value)) {
    throw new TypeError(
      `Cannot use ${describe(value)} as ${what}: it must be an integer`,
    );
  }
  if (value < min || value > max) {
    throw new RangeError(
      `Cannot use ${value} as ${what}: it must be from ${min} to ${max}`,
    );
  }
  // -0 is no integer to C.
  return value + 0;
}

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) {
    return `an object of class ${value.constructor?.name ?? "unknown"}`;
  }
  if (typeof value === "function") return "a function";
  return String(value);
}

const small = Array.from({ length: 4097 }, (_, n) => BigInt(n));
let lastNumber = 0;
let lastBigInt = 0n;

/**
 * A length as C's `size_t`. Only a BigInt takes the fast way into C (0.19 µs a
 * call instead of 0.36), so those that repeat are kept.
 */
export function usize(length: number): bigint {
  if (length <= 4096) return small[length]!;
  if (length !== lastNumber) {
    lastNumber = length;
    lastBigInt = BigInt(length);
  }
  return lastBigInt;
}
