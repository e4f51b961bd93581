import { LONGEST_DELAY } from "./_time_limit.ts";

/** How long a share is waited for, and what ends the wait. */
export interface WaitOptions {
  /** How long to wait at most, in milliseconds. */
  readonly timeout: number;
  /**
   * Gives what ends the wait when it aborts. It is asked for only where there
   * is something to wait for.
   */
  readonly signal: () => AbortSignal;
}

/** One that waits for a share. */
interface Waiter {
  readonly amount: number;
  readonly start: () => void;
}

/**
 * Something of which there is only so much, such as memory or processes. A user
 * takes a share and gives it back. Where too little is left, users are served in
 * the order in which they came.
 */
export class Capacity {
  readonly #total: number;
  #taken = 0;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiter>();

  /** @param total How much there is. */
  constructor(total: number) {
    this.#total = total;
  }

  /** How much is taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** A share of nothing, which may grow. */
  share(): Share {
    return new Share(this);
  }

  /**
   * Takes a share, and waits for it behind those that came before.
   *
   * @throws {DOMException} "TimeoutError" if there was no room in time.
   * @throws The signal's reason, if it aborts.
   */
  async take(amount: number, options: WaitOptions): Promise<Share> {
    const share = this.share();
    if (this.#waiting.size > 0 || !share.tryResize(amount)) {
      await this.#wait(amount, share, options);
    }
    return share;
  }

  /**
   * Takes more, or gives back. A user that takes more goes before those that wait:
   * they may be waiting for its share.
   *
   * @param from How much the user has.
   * @param to How much it wants. More than there is has room where nobody else
   * has anything.
   * @returns Whether there was room.
   * @ignore
   */
  change(from: number, to: number): boolean {
    const others = this.#taken - from;
    if (to > from && others > 0 && others + to > this.#total) return false;
    this.#taken = others + to;
    if (to < from) this.#startWaiting();
    return true;
  }

  #wait(
    amount: number,
    share: Share,
    { timeout, signal: getSignal }: WaitOptions,
  ): Promise<void> {
    const signal = getSignal();
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", aborted);
        this.#waiting.delete(waiter);
      };
      const giveUp = (reason: unknown) => {
        leave();
        reject(reason);
        // Those behind may need less than this one did.
        this.#startWaiting();
      };
      const aborted = () => giveUp(signal.reason);
      const waiter: Waiter = {
        amount,
        start: () => {
          leave();
          share.tryResize(amount);
          resolve();
        },
      };
      const timer = setTimeout(
        () =>
          giveUp(
            new DOMException(
              `There was no room within ${timeout} ms`,
              "TimeoutError",
            ),
          ),
        Math.min(timeout, LONGEST_DELAY),
      );
      signal.addEventListener("abort", aborted);
      this.#waiting.add(waiter);
    });
  }

  /** Starts those that wait, as far as there is room: each pass takes one out. */
  #startWaiting(): void {
    for (const waiter of this.#waiting) {
      const fits = this.#taken === 0 ||
        this.#taken + waiter.amount <= this.#total;
      if (!fits) return;
      waiter.start();
    }
  }
}

/** A user's part of a {@linkcode Capacity}. */
export class Share implements Disposable {
  readonly #capacity: Capacity;
  #amount = 0;

  /** @param capacity The capacity that it is a part of. */
  constructor(capacity: Capacity) {
    this.#capacity = capacity;
  }

  /**
   * Makes the share larger or smaller.
   *
   * @returns Whether there was room; if not, it stays as it was.
   */
  tryResize(amount: number): boolean {
    if (!this.#capacity.change(this.#amount, amount)) return false;
    this.#amount = amount;
    return true;
  }

  /** Gives everything back. */
  [Symbol.dispose](): void {
    this.tryResize(0);
  }
}
