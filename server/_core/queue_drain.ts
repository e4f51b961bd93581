/** How long one wait for more lasts, in milliseconds. */
const WAIT = 1;
/**
 * After how many waits in which nothing came the kernel's queue is taken for
 * empty. They are counted and not timed, since a busy machine may let a process
 * rest for any time. The event loop asks the system what is ready before a wait
 * ends, and hands it on after that; a process that was stopped may find out first
 * that it has to end.
 */
const QUIET_WAITS = 3;
/**
 * How many requests may still be accepted once the server shuts down. No longer
 * queue can have been waiting: it is Linux's `net.core.somaxconn`, listen(2).
 */
const MOST_QUEUED = 4_096;

/** How far an accept loop has come. */
interface Progress {
  /** How many requests it has accepted. */
  readonly accepted: number;
  /** Whether it goes on accepting by itself: it neither has stopped nor fails. */
  readonly goesOn: boolean;
  /** Whether it waits for a place that will be free. */
  readonly waitsForPlace: boolean;
}

/**
 * Waits until those have been accepted whom the kernel has let in already: they
 * take their connection for made, and may have sent something.
 */
export class QueueDrain {
  readonly #progress: Progress;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #endWait: (() => void) | undefined;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /** Resolves when nothing has come for a while, or nothing will. */
  async drained(): Promise<void> {
    const progress = this.#progress;
    const most = progress.accepted + MOST_QUEUED;
    let quietWaits = 0;
    while (
      progress.goesOn && progress.accepted < most && quietWaits < QUIET_WAITS
    ) {
      const seen = progress.accepted;
      await this.#wait();
      const mayFollow = progress.accepted > seen || progress.waitsForPlace;
      quietWaits = mayFollow ? 0 : quietWaits + 1;
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#endWait = resolve;
      this.#timer = setTimeout(resolve, WAIT);
    });
  }

  /** Ends the wait now: the loop has stopped. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#endWait?.();
  }
}
