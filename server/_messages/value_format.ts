/**
 * The form in which values travel between a server and its handlers. It is this
 * module's own: `node:v8` is not made for the bytes of somebody who is not trusted,
 * and JSON has neither bytes nor dates, maps, sets, circles. It has no regular
 * expressions: one that was forged could take for ever.
 *
 * A value is a byte that tells its kind, and what the kind needs. Counts are
 * numbers of 7 bits a byte, the lowest first, of which all but the last have their
 * highest bit set (LEB128, at most 5 bytes). Other numbers are little-endian.
 *
 * Arrays, objects, maps, sets, dates, errors and bytes are numbered in the order in
 * which they begin. One that comes again is its number.
 */

/** What a value is. */
export const Kind = {
  Undefined: 0,
  Null: 1,
  False: 2,
  True: 3,
  /** An integer of 32 bits: its count in zigzag, 0, -1, 1, -2 …. */
  Integer: 4,
  /** Any other number: 8 bytes of IEEE 754. */
  Number: 5,
  /** Its digits, base 16, with a sign, as a text. */
  BigInt: 6,
  /** A text without lone surrogates: a count of bytes, and UTF-8. */
  Text: 7,
  /** Any other text: a count of units, and UTF-16, little-endian. */
  Units: 8,
  /** Its time, as a number of 8 bytes. */
  Date: 9,
  /** A count, and so many values. */
  Array: 10,
  /** A count, and so many keys, which are texts, and values. */
  Object: 11,
  /** A count, and so many keys and values. */
  Map: 12,
  /** A count, and so many values. */
  Set: 13,
  /** A byte that tells the class, a count of bytes, and those. */
  Bytes: 14,
  /** Its name, message and stack, three texts or `Undefined`, and its cause. */
  Error: 15,
  /** The number of one that has come before. */
  Again: 16,
} as const;

/** The views of bytes, by the byte that tells which. The first is no view. */
export const BYTES_CLASSES = [
  ArrayBuffer,
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
  DataView,
] as const;

/** The classes of errors that travel, by their names; others are `Error`. */
export const ERROR_CLASSES: ReadonlyMap<string, ErrorConstructor> = new Map(
  [
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
  ].map((ErrorClass) => [ErrorClass.name, ErrorClass as ErrorConstructor]),
);

/** How deep values may be nested. */
export const DEEPEST = 200;

/**
 * How many arrays, objects and the like one message may hold: a byte of it makes
 * some hundred where it is read.
 */
export const MOST_OBJECTS = 16_384;

/**
 * The longest message, in bytes as it travels. A frame has no more, and it is
 * collected before it is looked at.
 */
export const LONGEST_MESSAGE = 128 * 1024;
