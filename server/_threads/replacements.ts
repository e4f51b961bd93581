/** A thread, as far as it can be replaced. */
interface Replaceable {
  /** Resolves when it is gone. */
  readonly gone: Promise<unknown>;
}

/** Who has the threads. */
interface Owner<Thread> {
  /** Whether the thread takes requests that come. */
  serves(old: Thread): boolean;
  /** Whether the thread is there, and the server has not begun to end. */
  has(old: Thread): boolean;
  /**
   * Starts one more, and resolves when it takes requests.
   *
   * @throws What keeps it from being started.
   */
  startBeside(): Promise<void>;
  /**
   * Has a thread take nothing more, and end when its requests have ended. May be
   * called again: the shortest time counts.
   *
   * @param gracePeriod How long they may take, in milliseconds.
   */
  retire(old: Thread, gracePeriod: number): void;
}

/**
 * Replaces threads by new ones, one at a time whoever asks: all at once would
 * compete for the cores with the requests.
 */
export class Replacements<Thread extends Replaceable> {
  readonly #owner: Owner<Thread>;
  #last: Promise<void> = Promise.resolve();

  constructor(owner: Owner<Thread>) {
    this.#owner = owner;
  }

  /**
   * Replaces threads.
   *
   * @param all Which ones.
   * @param gracePeriod How long their requests may take, in milliseconds.
   * @returns A promise that resolves when they are gone, and rejects with what
   * keeps a new one from being started.
   */
  async replace(
    all: readonly Thread[],
    gracePeriod: number,
  ): Promise<void> {
    for (const old of all) {
      const replaced = this.#last.then(() =>
        this.#replaceOne(old, gracePeriod)
      );
      this.#last = replaced.catch(() => {});
      await replaced;
    }
    await Promise.all(all.map(({ gone }) => gone));
  }

  async #replaceOne(old: Thread, gracePeriod: number): Promise<void> {
    if (this.#owner.serves(old)) await this.#owner.startBeside();
    if (this.#owner.has(old)) this.#owner.retire(old, gracePeriod);
  }
}
