/**
 * Memory in which short responses are made, which is lent to a connection for a
 * write and used again: V8 takes as long to allocate the memory of a typed array,
 * however small, as for all else of a short response.
 */

/** The size of each piece, in bytes. */
const SIZE = 4 * 1024;
/** How many there are at most: Deno answers to 128 sockets in a turn. */
const MOST = 128;

/** A piece of it. */
export class LentMemory {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SIZE);
  /** What was sent of it last: responses are often as long as each other. */
  #sent = this.bytes;

  /** Its first bytes. */
  first(length: number): Uint8Array<ArrayBuffer> {
    if (this.#sent.length !== length) {
      this.#sent = this.bytes.subarray(0, length);
    }
    return this.#sent;
  }
}

const free: LentMemory[] = [];
let made = 0;

/** Memory with whatever is in it, or `undefined` where all of it is lent. */
export function borrowMemory(): LentMemory | undefined {
  const memory = free.pop();
  if (memory !== undefined || made === MOST) return memory;
  made++;
  return new LentMemory();
}

/** Gives back memory that nobody uses any more. */
export function returnMemory(memory: LentMemory): void {
  free.push(memory);
}

/** Says that memory will not come back, as it may still be in use. */
export function forgetMemory(): void {
  made--;
}
