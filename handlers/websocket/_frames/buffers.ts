/** The smallest buffer, in bytes: 2 to the power of `SMALLEST`. */
const SMALLEST = 9;
/** The largest that is kept, in bytes: 2 to the power of `LARGEST`. */
const LARGEST = 16;
/** How much is kept in a thread, in bytes. */
const MOST_KEPT = 4 * 1024 * 1024;

/** Those that are kept, by the power of two that is their size. */
const kept: Uint8Array<ArrayBuffer>[][] = Array.from(
  { length: LARGEST + 1 },
  () => [],
);
let keptBytes = 0;

/**
 * A buffer for at least `size` bytes, with whatever is in it. A message is in one
 * for the time of a write, and to make and free the memory of a new one takes V8 as
 * long as all else that is done for a message of some kilobytes.
 */
export function takeBuffer(size: number): Uint8Array<ArrayBuffer> {
  const power = Math.max(SMALLEST, 32 - Math.clz32(size - 1));
  // A larger one is as large as it must be: it is not used again.
  if (power > LARGEST) return new Uint8Array(size);
  const buffer = kept[power]!.pop();
  if (buffer === undefined) return new Uint8Array(1 << power);
  keptBytes -= buffer.length;
  return buffer;
}

/** Keeps a buffer that nobody uses any more, unless much is kept already. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const { length } = buffer;
  const power = 31 - Math.clz32(length);
  if (
    power < SMALLEST || power > LARGEST || length !== 1 << power ||
    keptBytes + length > MOST_KEPT
  ) return;
  keptBytes += length;
  kept[power]!.push(buffer);
}
