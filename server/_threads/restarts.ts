import { restartPause } from "../_bridge/remote_pool.ts";

/**
 * A thread that lived longer, or has served a request, did not die at once. In
 * milliseconds.
 */
const LONG_LIFE = 5_000;

/** Counts the threads in a row that have died at once, or did not start. */
export class Restarts {
  #inVain = 0;

  /** How long to wait before the next is started, in milliseconds. */
  get pause(): number {
    return restartPause(this.#inVain);
  }

  /** One did not start. */
  failed(): void {
    this.#inVain++;
  }

  /**
   * One is gone.
   *
   * @param hasServed Whether it has served a request.
   * @param since When it was started, in `performance.now()` time.
   */
  ended(hasServed: boolean, since: number): void {
    const livedLong = performance.now() - since > LONG_LIFE;
    this.#inVain = hasServed || livedLong ? 0 : this.#inVain + 1;
  }
}
