import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";

/** The place of an item among the deadlines of others. */
interface Deadline<T> {
  readonly item: T;
  /** When it was to expire, as last looked at. */
  readonly noted: number;
  before: Deadline<T> | undefined;
  after: Deadline<T> | undefined;
}

/** Something that can have a deadline, of one `Deadlines` at a time. */
export interface Expiring<T> {
  /** Its place, which `Deadlines` alone reads and writes. */
  deadline?: Deadline<T> | undefined;
}

/**
 * Deadlines of many items with one timer.
 *
 * Every item gets the same time, so they expire in the order they were added.
 * Activity costs nothing but a note of when: an item whose deadline has moved is
 * looked at only when the old one comes.
 *
 * They are a linked list and not a `Map`: items come and go by the thousands, and
 * a table of a `Map` that V8 has replaced still holds its items, and the next
 * table, until a full collection.
 */
export class Deadlines<T extends Expiring<T>> {
  /** The earliest. */
  #first: Deadline<T> | undefined;
  #last: Deadline<T> | undefined;
  #size = 0;
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
    return this.#size;
  }

  /** The item that was added or looked at longest ago. */
  get first(): T | undefined {
    return this.#first?.item;
  }

  add(item: T): void {
    this.#append(item, this.#deadlineOf(item));
    if (this.#timer === undefined) this.#arm();
  }

  /** Forgets an item, if it is there. */
  delete(item: T): void {
    const { deadline } = item;
    if (deadline === undefined) return;
    item.deadline = undefined;
    const { before, after } = deadline;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // Cut its links: V8 may keep one that has grown old, and with it younger ones.
    deadline.before = deadline.after = undefined;
    if (--this.#size === 0 && !this.#inBackground) this.#rest();
  }

  /** Lets the timer go on no longer than there are items. */
  leaveBackground(): void {
    this.#inBackground = false;
    if (this.#size === 0) this.#rest();
  }

  #append(item: T, noted: number): void {
    const before = this.#last;
    const deadline: Deadline<T> = { item, noted, before, after: undefined };
    if (before === undefined) this.#first = deadline;
    else before.after = deadline;
    this.#last = deadline;
    item.deadline = deadline;
    this.#size++;
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const { noted } = this.#first!;
    const delay = Math.max(0, Math.ceil(noted - performance.now()));
    this.#timer = setTimeout(
      () => this.#sweep(),
      Math.min(delay, LONGEST_DELAY),
    );
    if (this.#inBackground) Deno.unrefTimer(this.#timer);
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = performance.now();
    while (this.#first !== undefined && this.#first.noted <= now) {
      const { item } = this.#first;
      this.delete(item);
      const deadline = this.#deadlineOf(item);
      // Move it to the end: every item there was noted before.
      if (deadline > now) this.#append(item, deadline);
      else this.#expired(item);
    }
    if (this.#timer === undefined && this.#size > 0) this.#arm();
  }
}
