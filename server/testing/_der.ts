/**
 * Values in the distinguished encoding rules of ASN.1 (X.690): a tag, the length of
 * what follows, and that.
 */

const encoder = new TextEncoder();

/** A value with a tag. */
export function tagged(
  tag: number,
  ...parts: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((total, part) => total + part.length, 0);
  const size = lengthBytes(length);
  const all = new Uint8Array(1 + size.length + length);
  all[0] = tag;
  all.set(size, 1);
  let at = 1 + size.length;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** `SEQUENCE` of values. */
export function sequence(
  ...values: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  return tagged(0x30, ...values);
}

/** `BOOLEAN` that is true; one that is false is left out where it is the default. */
export const TRUE: Uint8Array = tagged(0x01, Uint8Array.of(0xff));

/** `INTEGER` that is not negative. */
export function integer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const digits = bytes.subarray(from);
  // Its first bit is its sign.
  return tagged(
    0x02,
    digits[0]! >= 0x80 ? Uint8Array.of(0, ...digits) : digits,
  );
}

/** `OBJECT IDENTIFIER`, from its numbers with dots. */
export function objectIdentifier(dotted: string): Uint8Array<ArrayBuffer> {
  const [first, second, ...others] = dotted.split(".").map(Number);
  const bytes = [first! * 40 + second!];
  for (let number of others) {
    const digits = [number & 0x7f];
    while ((number >>= 7) > 0) digits.unshift(number & 0x7f | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Uint8Array.from(bytes));
}

/** `OCTET STRING`. */
export function octetString(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return tagged(0x04, bytes);
}

/**
 * `BIT STRING`.
 *
 * @param bytes The bits, the first of them the highest of a byte.
 * @param unused How many of the last byte do not count.
 */
export function bitString(
  bytes: Uint8Array,
  unused = 0,
): Uint8Array<ArrayBuffer> {
  return tagged(0x03, Uint8Array.of(unused), bytes);
}

/** `UTF8String`. */
export function utf8String(text: string): Uint8Array<ArrayBuffer> {
  return tagged(0x0c, encoder.encode(text));
}

/**
 * A time, as certificates have it: `UTCTime` through the year 2049, and
 * `GeneralizedTime` from then on (RFC 5280, section 4.1.2.5).
 */
export function time(date: Date): Uint8Array<ArrayBuffer> {
  const digits = `${date.toISOString().replace(/[-:T]|\..*$/g, "")}Z`;
  const isShort = date.getUTCFullYear() < 2050;
  return tagged(
    isShort ? 0x17 : 0x18,
    encoder.encode(isShort ? digits.slice(2) : digits),
  );
}

/** A length: one byte, or how many bytes it has and those. */
function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) {
    bytes.unshift(rest % 256);
  }
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}
