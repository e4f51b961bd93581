import { LONGEST_DELAY } from "../../_time_limit.ts";

/**
 * Tells when nothing has gone on for too long. While something else is to
 * blame, the time stands still.
 */
export class StallTimer {
  readonly #time: number;
  readonly #stalled: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauses = 0;
  #stopped = false;

  /**
   * @param time How long nothing may go on, in milliseconds.
   * @param stalled Called once when nothing did.
   */
  constructor(time: number, stalled: () => void) {
    this.#time = Math.min(time, LONGEST_DELAY);
    this.#stalled = stalled;
    this.restart();
  }

  /** Something went on: the time begins anew. */
  restart(): void {
    clearTimeout(this.#timer);
    if (this.#stopped || this.#pauses > 0) return;
    this.#timer = setTimeout(this.#stalled, this.#time);
  }

  /** Waits for something that takes as long as it takes, then begins anew. */
  async pauseFor<T>(waited: Promise<T>): Promise<T> {
    this.#pauses++;
    clearTimeout(this.#timer);
    try {
      return await waited;
    } finally {
      this.#pauses--;
      this.restart();
    }
  }

  /** Never tells again. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
