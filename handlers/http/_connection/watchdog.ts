/** What a {@linkcode Watchdog} watches. */
export interface Watched {
  /** Until when it may wait, in `performance.now()` time. */
  readonly deadline: number;
  /** Called when the deadline has gone by, and moves it. */
  expire(): void;
}

/** How often deadlines are looked at, at least, in milliseconds. */
const INTERVAL = 1_000;

/**
 * Watches deadlines that move with every request, earlier and later, at the
 * price of a note for each move: all of them are looked at once a second, and
 * once when the one that is known to be first has come.
 */
export class Watchdog {
  readonly #watched = new Set<Watched>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = Infinity;

  add(watched: Watched): void {
    this.#watched.add(watched);
  }

  /** Returns how many are left. */
  delete(watched: Watched): number {
    this.#watched.delete(watched);
    const { size } = this.#watched;
    if (size === 0) {
      clearTimeout(this.#timer);
      this.#next = Infinity;
    }
    return size;
  }

  /** A deadline has moved to `deadline`. */
  moved(deadline: number): void {
    if (deadline < this.#next) this.#arm(deadline);
  }

  #arm(deadline: number): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    this.#next = Math.min(deadline, now + INTERVAL);
    this.#timer = setTimeout(
      () => this.#look(),
      Math.max(0, Math.ceil(this.#next - now)),
    );
  }

  #look(): void {
    const now = performance.now();
    let first = Infinity;
    this.#next = Infinity;
    for (const watched of this.#watched) {
      if (watched.deadline <= now) watched.expire();
      first = Math.min(first, watched.deadline);
    }
    if (first !== Infinity) this.moved(first);
  }
}
