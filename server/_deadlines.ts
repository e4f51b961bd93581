/** The longest delay that `setTimeout` takes, in milliseconds (a signed 32-bit number). */
export const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Deadlines of many items with one timer.
 *
 * Every item gets the same time, so they expire in the order they were added,
 * which is the order a `Map` keeps. A deadline that has moved since is looked
 * up only when its old one comes: activity costs nothing but a note of when.
 */
export class Deadlines<T> {
  /** Each item with the deadline it had when last looked at, earliest first. */
  readonly #items = new Map<T, number>();
  readonly #deadlineOf: (item: T) => number;
  readonly #expired: (item: T) => void;
  #inBackground: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param deadlineOf When an item expires, in `performance.now()` time. It may
   * move later, never earlier.
   * @param expired Called once for an item whose deadline has come.
   * @param inBackground Whether the timer goes on where there are no items,
   * which is cheaper where they come and go one by one. It does not keep the
   * process alive. In the end call `leaveBackground`.
   */
  constructor(
    deadlineOf: (item: T) => number,
    expired: (item: T) => void,
    inBackground = false,
  ) {
    this.#deadlineOf = deadlineOf;
    this.#expired = expired;
    this.#inBackground = inBackground;
  }

  get size(): number {
    return this.#items.size;
  }

  /** The item that was added or looked at longest ago. */
  get first(): T | undefined {
    return this.#items.keys().next().value;
  }

  add(item: T): void {
    this.#items.set(item, this.#deadlineOf(item));
    this.#arm();
  }

  delete(item: T): void {
    this.#items.delete(item);
    this.#rest();
  }

  /** Lets the timer go on no longer than there are items. */
  leaveBackground(): void {
    this.#inBackground = false;
    this.#rest();
  }

  #rest(): void {
    if (this.#items.size > 0 || this.#inBackground) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const next = this.#items.values().next();
    if (next.done) return;
    const delay = Math.max(0, Math.ceil(next.value - performance.now()));
    this.#timer = setTimeout(
      () => this.#sweep(),
      Math.min(delay, LONGEST_DELAY),
    );
    if (this.#inBackground) Deno.unrefTimer(this.#timer);
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [item, noted] of this.#items) {
      if (noted > now) break;
      this.#items.delete(item);
      const deadline = this.#deadlineOf(item);
      // Set again, it moves to the end: behind every item noted before it.
      if (deadline > now) this.#items.set(item, deadline);
      else this.#expired(item);
    }
    this.#arm();
  }
}
