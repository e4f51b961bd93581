/**
 * Memory in which short responses are made, which is lent to a connection for a
 * write and used again: V8 takes as long to allocate the memory of a typed array,
 * however small, as for all else of a short response.
 */

/** The size of each piece, in bytes. */
export const LENT_SIZE: number = 16 * 1024;
/** How many there are at most: a write mostly ends before the next begins. */
const MOST = 16;

const free: Uint8Array<ArrayBuffer>[] = [];
let made = 0;

/** Memory with whatever is in it, or `undefined` where all of it is lent. */
export function borrowMemory(): Uint8Array<ArrayBuffer> | undefined {
  const memory = free.pop();
  if (memory !== undefined || made === MOST) return memory;
  made++;
  return new Uint8Array(LENT_SIZE);
}

/** Gives back memory that nobody uses any more. */
export function returnMemory(memory: Uint8Array<ArrayBuffer>): void {
  free.push(memory);
}

/** Says that memory will not come back, as it may still be in use. */
export function forgetMemory(): void {
  made--;
}
