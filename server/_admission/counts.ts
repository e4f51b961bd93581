import { cellOf, ROWS, rowSize } from "./cells.ts";

/**
 * The largest limit whose counts have 16 bits. A cell is full then when it counts 16
 * times as many as one address may have, which those that share it hardly do.
 */
const NARROW_LIMIT = 2_047;

/** How often it is looked where others count at the same time. */
const MOST_TRIES = 3;

/** The hash of an address that is counted, by which it is counted no more. */
export interface Counted {
  readonly first: number;
  readonly second: number;
}

/** How many bytes a count has where one address may have so many requests. */
function bytesOf(limit: number): number {
  return limit <= NARROW_LIMIT
    ? Int16Array.BYTES_PER_ELEMENT
    : Int32Array.BYTES_PER_ELEMENT;
}

/**
 * Allocates memory for the requests in progress of so many addresses.
 *
 * @param addresses How many are to be told apart.
 * @param threads How many threads there are.
 * @param limit How many requests one address may have in progress.
 */
export function allocateCounts(
  addresses: number,
  threads: number,
  limit: number,
): SharedArrayBuffer {
  const cells = ROWS * rowSize(addresses) * threads;
  return new SharedArrayBuffer(cells * bytesOf(limit));
}

/**
 * How many requests of each address are in progress, in all threads of a server.
 *
 * Each thread has counts of its own for all cells, which it alone writes. So nothing
 * has to be locked, and when a thread is gone its counts are set to 0 and all is
 * right, wherever it had come to. They are in one piece: the system has memory only
 * for those of threads that there have been, and to set them to 0 takes no longer for
 * there being others.
 *
 * A thread counts a request first, and looks then. Of two that do so for one
 * address at the same time, one looks after both have counted, since all atomic
 * operations have one total order (ECMA-262, "Memory Model"): never are both let in
 * where one may be. That both are refused may happen, so a thread looks again
 * where others could have caused that.
 */
export class Counts {
  readonly #counts: Int16Array | Int32Array;
  /** The most that one of them can be. */
  readonly #most: number;
  /** How many cells there are. */
  readonly #cells: number;
  readonly #size: number;
  readonly #limit: number;
  readonly #threads: number;
  readonly #thread: number;

  /**
   * @param memory What `allocateCounts` has given.
   * @param addresses For how many addresses that is.
   * @param limit How many requests one may have in progress.
   * @param threads How many threads there are.
   * @param thread Which of them this is, from 0.
   */
  constructor(
    memory: SharedArrayBuffer,
    addresses: number,
    limit: number,
    threads: number,
    thread: number,
  ) {
    const bytes = bytesOf(limit);
    this.#counts = bytes === Int16Array.BYTES_PER_ELEMENT
      ? new Int16Array(memory)
      : new Int32Array(memory);
    this.#most = 2 ** (8 * bytes - 1) - 1;
    this.#size = rowSize(addresses);
    this.#cells = ROWS * this.#size;
    this.#limit = limit;
    this.#threads = threads;
    this.#thread = thread;
  }

  /**
   * Counts a request.
   *
   * @returns Whether it may be in progress. Otherwise it is not counted.
   */
  enter(address: Counted): boolean {
    if (this.#isFull(address)) return false;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      this.#add(address, 1);
      const over = this.#least(address) - this.#limit;
      if (over <= 0) return true;
      this.#add(address, -1);
      // More others than could be trying at this moment have got in before.
      if (over >= this.#threads) return false;
    }
    return false;
  }

  /** Counts one no more that was counted. */
  leave(address: Counted): void {
    this.#add(address, -1);
  }

  /** Forgets what a thread has counted, which is gone. */
  clear(thread: number): void {
    const counts = this.#counts;
    const end = (thread + 1) * this.#cells;
    // What is 0 is left alone: there may be no memory for it yet.
    for (let at = thread * this.#cells; at < end; at++) {
      if (counts[at] !== 0) Atomics.store(counts, at, 0);
    }
  }

  /** Whether this thread can count no more in a cell of an address. */
  #isFull({ first, second }: Counted): boolean {
    const start = this.#thread * this.#cells;
    for (let row = 0; row < ROWS; row++) {
      const cell = cellOf(row, first, second, this.#size);
      if (this.#counts[start + cell] === this.#most) return true;
    }
    return false;
  }

  #add({ first, second }: Counted, number: number): void {
    const start = this.#thread * this.#cells;
    for (let row = 0; row < ROWS; row++) {
      const cell = cellOf(row, first, second, this.#size);
      Atomics.add(this.#counts, start + cell, number);
    }
  }

  /**
   * How many requests an address has at most, with those of others: the cell that
   * counts least, or one that is not over the limit.
   */
  #least({ first, second }: Counted): number {
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const cell = cellOf(row, first, second, this.#size);
      let sum = 0;
      for (let at = cell; at < this.#counts.length; at += this.#cells) {
        sum += Atomics.load(this.#counts, at);
      }
      least = Math.min(least, sum);
      // It is let in, whatever the other rows have.
      if (least <= this.#limit) break;
    }
    return least;
  }
}
