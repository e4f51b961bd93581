/**
 * What XML-RPC can carry, as it is read: what a method receives.
 *
 * | XML-RPC | read as | written from |
 * |---|---|---|
 * | `int`, `i4` | `number` | a `number` that is a 32-bit integer |
 * | `double` | `number` | any other finite `number`; {@linkcode XMLRPCDouble} |
 * | `boolean` | `boolean` | `boolean` |
 * | `string`, or no type | `string` | `string` |
 * | `dateTime.iso8601` | `Temporal.PlainDateTime`: the format has no time zone | the same, or a `Date`, whose UTC time is written; both without the fraction of a second |
 * | `base64` | `Uint8Array` | `Uint8Array`, `ArrayBuffer` |
 * | `struct` | a plain object | a plain object; members that are `undefined` are left out |
 * | `array` | an array | an array |
 *
 * And the extensions that other implementations have:
 *
 * | XML-RPC | read as | written from |
 * |---|---|---|
 * | `nil`, where `allowNil` is set | `null` | `null`, `undefined` |
 * | `i8` | `bigint` | `bigint` of 64 bits |
 * | `i1`, `i2`, `float` | `number` | |
 * | `biginteger` | `bigint` | |
 *
 * The prefix `ex:` of Apache's extensions is understood: `ex:nil`, `ex:i8`.
 */
export type XMLRPCValue =
  | number
  | bigint
  | boolean
  | string
  | null
  | Temporal.PlainDateTime
  | Uint8Array<ArrayBuffer>
  | XMLRPCValue[]
  | XMLRPCStruct;

/** A `struct`: an object of values. */
export interface XMLRPCStruct {
  /** A member. */
  [name: string]: XMLRPCValue;
}

/**
 * A number that is written as `double` also where it is an integer, for callers
 * that tell the types apart. It is read as a plain number.
 *
 * @example Two as a double
 * ```ts
 * import { XMLRPCDouble } from "@wire/socketserver/xmlrpc";
 *
 * const half = (n: number) => new XMLRPCDouble(n / 2);
 * ```
 */
export class XMLRPCDouble {
  /** The number. */
  readonly value: number;

  /**
   * Constructs a new instance.
   *
   * @param value The number, finite.
   */
  constructor(value: number) {
    this.value = value;
  }
}

/** How values may be read and written. */
export interface XMLRPCOptions {
  /**
   * Whether `nil` is read and `null` written, which XML-RPC itself does not
   * have.
   *
   * @default {false}
   */
  readonly allowNil?: boolean;
  /**
   * How many arrays and structs may be inside one another.
   *
   * @default {2048}
   */
  readonly maxDepth?: number;
  /**
   * How long a document may be, read and written: in bytes where it is read
   * from bytes, and in characters where it is a string or is written.
   * `Infinity` sets no limit.
   *
   * @default {4194304}
   */
  readonly maxSize?: number;
  /**
   * How many values a document may have that is read, with those inside of
   * others. The smallest has 8 characters and takes some 50 bytes of memory.
   * `Infinity` sets no limit.
   *
   * @default {100000}
   */
  readonly maxValues?: number;
}
