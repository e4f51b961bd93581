import type { OwnPlaces } from "./places.ts";

/** The longest that a thread lets others go first, in milliseconds. */
const LONGEST_PAUSE = 50;
/**
 * A connection that comes within this time after a pause was there before, in
 * milliseconds.
 */
const AT_ONCE = 0.5;
/** How long those that are busy are left out of account, in milliseconds. */
const BUSY = 100;

/**
 * Lets the threads of a server share what comes. The kernel wakes all that wait
 * for a connection, and mostly the same one is first. So a thread that has more
 * requests than another does not ask for the next at once: the other, if it is
 * free, takes it meanwhile.
 *
 * A pause ends with a request of its own, and nobody waits for a thread that is busy:
 * where a pause was in vain, since a connection still waits after it, those that
 * did not take it are left out of account for a while.
 */
export class FairTurns {
  readonly #places: OwnPlaces;
  /** The load of each other thread when last looked at. */
  readonly #seen = new Map<number, number>();
  /** Those that are busy, and what they are taken to have in addition. */
  readonly #added = new Map<number, number>();
  /** Until when, in `performance.now()` time. */
  #busyUntil = -Infinity;
  /** When the last pause ended, if nothing has come since. */
  #paused = -Infinity;

  constructor(places: OwnPlaces) {
    this.#places = places;
  }

  /**
   * How long to let others go first, in milliseconds.
   *
   * @returns 0 if there is no need.
   */
  pause(): number {
    const { load } = this.#places;
    if (load === 0) return 0;
    if (this.#added.size > 0 && performance.now() > this.#busyUntil) {
      this.#added.clear();
    }
    let least = Infinity;
    for (const thread of this.#places.others()) {
      const other = this.#places.loadOf(thread);
      if (other !== this.#seen.get(thread)) {
        this.#seen.set(thread, other);
        this.#added.delete(thread);
      }
      least = Math.min(least, other + (this.#added.get(thread) ?? 0));
    }
    return Math.max(0, Math.min(load - least, LONGEST_PAUSE));
  }

  /** A pause has ended. */
  paused(): void {
    this.#paused = performance.now();
  }

  /** A request has come. */
  came(): void {
    if (this.#paused === -Infinity) return;
    const now = performance.now();
    const atOnce = now - this.#paused < AT_ONCE;
    this.#paused = -Infinity;
    if (!atOnce) return;
    this.#busyUntil = now + BUSY;
    for (const [thread, load] of this.#seen) {
      if (this.#places.loadOf(thread) !== load) continue;
      this.#added.set(thread, Math.max(0, this.#places.load - load));
    }
  }
}
