import { getHeapStatistics } from "node:v8";

/** How often a thread that has requests is looked at, in milliseconds. */
const INTERVAL = 250;

/**
 * Notices that this thread has run out of memory. V8 then ends what runs and,
 * for Deno 2.9.6, doubles the limit of the heap; but Deno looks for what was
 * ended only in the first of the places where it runs microtasks. A handler
 * that a timer or an operation has resumed would be gone without a word, with
 * everything that was to run after it.
 */
export class HeapWatch {
  readonly #limit = getHeapStatistics().heap_size_limit;
  readonly #isBusy: () => boolean;
  readonly #exhausted: (error: Error) => void;
  #armed = false;

  /**
   * @param isBusy Whether the thread has requests.
   * @param exhausted Called when it has run out of memory.
   */
  constructor(isBusy: () => boolean, exhausted: (error: Error) => void) {
    this.#isBusy = isBusy;
    this.#exhausted = exhausted;
  }

  /** Looks from now on, as long as the thread is busy. */
  arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setTimeout(() => this.#look(), INTERVAL);
  }

  #look(): void {
    this.#armed = false;
    if (getHeapStatistics().heap_size_limit > this.#limit) {
      return this.#exhausted(
        new RangeError(
          `Its code ran out of memory: the heap reached its limit of ${this.#limit} bytes`,
        ),
      );
    }
    if (this.#isBusy()) this.arm();
  }
}
