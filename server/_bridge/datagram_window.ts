/**
 * What each datagram under way counts for beside its payload and its address,
 * in bytes: what is held for it until it is sent. So that empty ones are bounded
 * too.
 */
const OVERHEAD = 1024;

/**
 * How much of one request's datagrams may be under way at a time, in bytes:
 * three of the longest, or some 200 short ones.
 */
export const REQUEST_WINDOW = 256 * 1024;
/**
 * How much of all requests of a thread or a process together, in bytes: they
 * wait where a client does not read.
 */
export const SIDE_WINDOW = 4 * 1024 * 1024;

/** What a packed datagram takes of a window. */
export function costOf(packed: Uint8Array): number {
  return packed.length + OVERHEAD;
}

/**
 * How many datagrams may be under way from the far side to the near side's
 * socket. The far side keeps to it, and the near side sees that it does: what
 * it holds for a handler is bounded whatever that handler does.
 */
export class DatagramWindow {
  readonly #size: number;
  #used = 0;

  constructor(size: number) {
    this.#size = size;
  }

  fits(cost: number): boolean {
    return this.#used + cost <= this.#size;
  }

  add(cost: number): void {
    this.#used += cost;
  }

  remove(cost: number): void {
    this.#used -= cost;
  }
}
