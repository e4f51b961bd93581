import { cellOf, ROWS, rowSize } from "./cells.ts";

/** How often it is looked where others count at the same time. */
const MOST_TRIES = 3;

/** The hash of an address that is counted, by which it is counted no more. */
export interface Counted {
  readonly first: number;
  readonly second: number;
}

/** Allocates memory for the requests in progress of so many addresses. */
export function allocateCounts(
  addresses: number,
  threads: number,
): SharedArrayBuffer {
  const cells = ROWS * rowSize(addresses);
  return new SharedArrayBuffer(
    cells * threads * Int32Array.BYTES_PER_ELEMENT,
  );
}

/**
 * How many requests of each address are in progress, in all threads of a server.
 *
 * Each cell has a word for each thread, which that thread alone writes. So nothing
 * has to be locked, and when a thread is gone its words are set to 0 and all is
 * right, wherever it had come to.
 *
 * A thread counts a request first, and looks then. Of two that do so for one
 * address at the same time, one looks after both have counted, since all atomic
 * operations have one total order (ECMA-262, "Memory Model"): never are both let in
 * where one may be. That both are refused may happen, so a thread looks again
 * where others could have caused that.
 */
export class Counts {
  readonly #words: Int32Array;
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
    this.#words = new Int32Array(memory);
    this.#size = rowSize(addresses);
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
    for (let at = thread; at < this.#words.length; at += this.#threads) {
      if (this.#words[at] !== 0) Atomics.store(this.#words, at, 0);
    }
  }

  #add({ first, second }: Counted, number: number): void {
    for (let row = 0; row < ROWS; row++) {
      const cell = cellOf(row, first, second, this.#size);
      Atomics.add(this.#words, cell * this.#threads + this.#thread, number);
    }
  }

  /** How many requests an address has at most, with those of others. */
  #least({ first, second }: Counted): number {
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const start = cellOf(row, first, second, this.#size) * this.#threads;
      let sum = 0;
      for (let at = start; at < start + this.#threads; at++) {
        sum += Atomics.load(this.#words, at);
      }
      least = Math.min(least, sum);
    }
    return least;
  }
}
