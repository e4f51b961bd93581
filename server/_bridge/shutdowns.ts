import type { ShutdownRequest } from "./payloads.ts";

/**
 * How many shutdowns one request may have asked for and wait for, and how many
 * may be asked for by what handlers have left running: each costs the server two
 * timers, and only one with a shorter grace period than all before changes
 * anything.
 */
export const MOST_SHUTDOWNS = 32;

/** The shutdowns that were asked for on the far side and are not done. */
export class Shutdowns {
  readonly #asked: {
    readonly gracePeriod: number | undefined;
    readonly done: PromiseWithResolvers<void>;
  }[] = [];

  /** Whether there may be no more. */
  get full(): boolean {
    return this.#asked.length === MOST_SHUTDOWNS;
  }

  /**
   * Asks for another, unless one that was asked for does the same.
   *
   * @param options The grace period.
   * @param ask Asks the near side for it.
   * @returns A promise that resolves when it is done.
   * @throws {Deno.errors.Busy} If there are too many.
   */
  add({ gracePeriod }: ShutdownRequest, ask: () => void): Promise<void> {
    for (const asked of this.#asked) {
      if (
        asked.gracePeriod === gracePeriod ||
        // Not where either is the server's own, which is not known here.
        asked.gracePeriod! <= gracePeriod!
      ) return asked.done.promise;
    }
    if (this.full) {
      throw new Deno.errors.Busy(
        `Cannot shut down: ${MOST_SHUTDOWNS} shutdowns with longer grace periods are under way; await them`,
      );
    }
    const done = Promise.withResolvers<void>();
    this.#asked.push({ gracePeriod, done });
    ask();
    return done.promise;
  }

  /** One of them is done: the first, which all others wait for as well. */
  settleOne(): void {
    this.#asked.shift()?.done.resolve();
  }

  /** Nobody has to wait for them any more. */
  settleAll(): void {
    for (const { done } of this.#asked.splice(0)) done.resolve();
  }
}
