import type { Assignment, Opener, Waiting } from "./remote_pool.ts";

/** A thread or a process, as it is chosen for a request. */
interface Place {
  /** How many requests it has. */
  readonly load: number;
}

/**
 * The threads or processes that take requests, and the requests that wait for
 * one of them, in the order in which they came.
 */
export class Placement<Kind extends Place> {
  readonly ready = new Set<Kind>();
  readonly #waiting = new Set<Waiting>();
  readonly #most: number;
  readonly #takes: (place: Kind) => boolean;

  /**
   * @param most How many requests one may have.
   * @param takes Whether one that is ready takes another at this moment.
   */
  constructor(most: number, takes: (place: Kind) => boolean) {
    this.#most = most;
    this.#takes = takes;
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The one with the fewest requests of those that take another. */
  leastLoaded(): Kind | undefined {
    let least: Kind | undefined;
    let load = this.#most;
    for (const place of this.ready) {
      if (place.load < load && this.#takes(place)) {
        least = place;
        load = place.load;
      }
    }
    return least;
  }

  wait(open: Opener): Waiting {
    const waiting = { open, assigned: Promise.withResolvers<Assignment>() };
    this.#waiting.add(waiting);
    return waiting;
  }

  /** Ends the wait of a request that is over. */
  cancel(waiting: Waiting, reason: unknown): void {
    if (this.#waiting.delete(waiting)) waiting.assigned.reject(reason);
  }

  /** Ends the wait of the request that came last, unless it is the only one. */
  cancelLast(reason: unknown): void {
    if (this.#waiting.size > 1) this.cancel([...this.#waiting].at(-1)!, reason);
  }

  /**
   * Ends the wait of all.
   *
   * @param reason Gives the reason for each, by how many came before.
   */
  cancelAll(reason: (index: number) => unknown): void {
    let index = 0;
    for (const { assigned } of this.#waiting) assigned.reject(reason(index++));
    this.#waiting.clear();
  }

  /**
   * Gives those that wait to those that take them.
   *
   * @param open Opens a request in a place.
   * @returns Whether none waits any more.
   */
  serve(open: (place: Kind, opener: Opener) => Assignment): boolean {
    for (const waiting of this.#waiting) {
      const place = this.leastLoaded();
      if (place === undefined) return false;
      this.#waiting.delete(waiting);
      waiting.assigned.resolve(open(place, waiting.open));
    }
    return true;
  }
}
