/** The size of the buffers that are kept for the next connection, in bytes. */
export const SMALL_BUFFER = 512;

/** How many are kept. */
const MOST_KEPT = 1024;

const kept: Uint8Array<ArrayBuffer>[] = [];

/**
 * A buffer for `size` bytes, with whatever is in it. Most connections need small
 * ones, and not for long, and V8 allocates and frees the memory of a new one,
 * however small, for what a fifth of a short request costs.
 */
export function takeBuffer(size: number): Uint8Array<ArrayBuffer> {
  if (size <= SMALL_BUFFER) return kept.pop() ?? new Uint8Array(SMALL_BUFFER);
  return new Uint8Array(2 ** Math.ceil(Math.log2(size)));
}

/** Keeps a buffer that nobody uses any more, if it is a small one. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.length === SMALL_BUFFER && kept.length < MOST_KEPT) {
    kept.push(buffer);
  }
}
