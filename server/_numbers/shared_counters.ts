/**
 * The counters of threads that count for themselves, in memory that they share with
 * the main thread.
 *
 * ## Memory order
 *
 * Each thread has cache lines of its own, and writes to no others. The main thread
 * reads them whenever it is asked. Neither uses atomic operations: a counter is one
 * aligned word of 64 bits, which the machines that Deno runs on move as a whole, and
 * an old value is as good as a new one. ECMA-262 allows that a number is torn: then
 * it is shown once, since nothing here remembers it while its thread lives.
 *
 * ## Trust
 *
 * The threads run handlers, which can write anything anywhere in this memory. What
 * is no count is taken for 0, and a request that has ended more often than it came
 * for one that ended: wrong numbers are shown, and nothing else is decided by them.
 */

import {
  ACCEPTED,
  addCounters,
  COUNTERS,
  ENDED,
  FAILED,
  HANDLED,
} from "./counters.ts";

/** The first cache line: which events the main thread wants, a bit for each. */
const HEADER_BYTES = 64;
/** Whole cache lines. */
const THREAD_BYTES = Math.ceil(8 * COUNTERS / 64) * 64;

/** Allocates counters of so many threads, all of them 0. */
export function allocateCounters(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + threads * THREAD_BYTES);
}

/** The counters of one thread, from 0. */
export function countersOf(
  memory: SharedArrayBuffer,
  thread: number,
): Float64Array {
  return new Float64Array(
    memory,
    HEADER_BYTES + thread * THREAD_BYTES,
    COUNTERS,
  );
}

/** The word that tells which events the main thread wants. */
export function wantedEvents(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, 1);
}

/** The counters of all threads, those that are gone among them. */
export class AllCounters {
  readonly #threads: Float64Array[];
  /** Those of threads that are gone. */
  readonly #past = new Float64Array(COUNTERS);
  /** How many requests those had accepted that were in the place of each. */
  readonly #pastAccepted: number[];

  /**
   * @param memory The memory.
   * @param threads How many threads there are at most.
   */
  constructor(memory: SharedArrayBuffer, threads: number) {
    this.#threads = Array.from(
      { length: threads },
      (_, thread) => countersOf(memory, thread),
    );
    this.#pastAccepted = Array(threads).fill(0);
  }

  /** All counters together. */
  sum(): Float64Array {
    const sum = this.#past.slice();
    for (const counters of this.#threads) {
      addCounters(sum, readCounters(counters));
    }
    return sum;
  }

  /** How many requests were accepted in the place of a thread by those that are gone. */
  pastAccepted(thread: number): number {
    return this.#pastAccepted[thread]!;
  }

  /**
   * A thread is gone, and with it what it had in progress.
   *
   * @param failed How many requests that were.
   */
  gone(thread: number, failed: number): void {
    const counters = readCounters(this.#threads[thread]!);
    counters[HANDLED] = counters[ENDED] = counters[ACCEPTED]!;
    counters[FAILED]! += failed;
    addCounters(this.#past, counters);
    this.#pastAccepted[thread]! += counters[ACCEPTED]!;
    this.#threads[thread]!.fill(0);
  }
}

/** The counters of a thread, as far as they can be. */
function readCounters(shared: Float64Array): Float64Array {
  const counters = shared.map((count) =>
    Number.isSafeInteger(count) && count >= 0 ? count : 0
  );
  counters[HANDLED] = Math.min(counters[HANDLED]!, counters[ACCEPTED]!);
  counters[ENDED] = Math.min(counters[ENDED]!, counters[HANDLED]!);
  return counters;
}
