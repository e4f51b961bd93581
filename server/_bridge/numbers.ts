/** Writes a number of 32 bits, little-endian, into `target` from `at` on. */
export function putNumber(
  target: Uint8Array,
  at: number,
  number: number,
): void {
  target[at] = number;
  target[at + 1] = number >> 8;
  target[at + 2] = number >> 16;
  target[at + 3] = number >> 24;
}

/** Reads such a number. */
export function getNumber(source: Uint8Array, at: number): number {
  return (source[at]! | source[at + 1]! << 8 | source[at + 2]! << 16 |
    source[at + 3]! << 24) >>> 0;
}
