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

import { ACCEPTED, COUNTERS, ENDED, FAILED, HANDLED } from "./counters.ts";

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
  readonly #sum = new Float64Array(COUNTERS);
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

  /** All counters together, which are lent until the next call. */
  sum(): Float64Array {
    this.#sum.set(this.#past);
    for (const counters of this.#threads) addRead(this.#sum, counters);
    return this.#sum;
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
    const past = this.#past;
    const before = past[ACCEPTED]!;
    addRead(past, this.#threads[thread]!);
    past[HANDLED] = past[ENDED] = past[ACCEPTED]!;
    past[FAILED]! += failed;
    this.#pastAccepted[thread]! += past[ACCEPTED]! - before;
    this.#threads[thread]!.fill(0);
  }
}

/** Adds the counters of a thread, as far as they can be. */
function addRead(sum: Float64Array, shared: Float64Array): void {
  // The last step first: who is counted meanwhile has not ended before it came.
  const ended = countAt(shared, ENDED);
  const handled = countAt(shared, HANDLED);
  const accepted = countAt(shared, ACCEPTED);
  sum[ENDED]! += Math.min(ended, handled, accepted);
  sum[HANDLED]! += Math.min(handled, accepted);
  sum[ACCEPTED]! += accepted;
  for (let index = 0; index < COUNTERS; index++) {
    if (index !== ENDED && index !== HANDLED && index !== ACCEPTED) {
      sum[index]! += countAt(shared, index);
    }
  }
}

function countAt(shared: Float64Array, index: number): number {
  const count = shared[index]!;
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}
