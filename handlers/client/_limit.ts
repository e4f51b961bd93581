import { limitTime } from "../_time_limit.ts";

/** How long something may take, and who may end it. */
export interface Limits {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** How long it may take, in milliseconds. */
  readonly timeout: number;
}

/**
 * Limits steps that follow each other: the one that is under way when the time has
 * gone by, or the signal says so, is ended.
 */
export class Limit implements Disposable {
  /** Which step is under way. */
  phase = "";
  readonly #what: string;
  readonly #outer: AbortSignal | undefined;
  readonly #ended = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #abort = () => this.#ended.abort(this.#outer!.reason);

  /**
   * @param what What cannot be done if it takes too long, as errors begin.
   * @param limits The signal and the time.
   * @throws What the signal says, where it has done so already.
   */
  constructor(what: string, { signal, timeout }: Limits) {
    signal?.throwIfAborted();
    this.#what = what;
    this.#outer = signal;
    signal?.addEventListener("abort", this.#abort);
    this.#timer = limitTime(timeout, "", () => this.#late(timeout));
  }

  /** Says that the time is over, or that nobody wants it any more. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Waits for a step that cannot be ended, and leaves it alone where it takes too
   * long.
   *
   * @param step It.
   * @throws Why it is waited for no more.
   */
  async wait<T>(step: Promise<T>): Promise<T> {
    const { signal } = this;
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
    try {
      return await Promise.race([step, ended]);
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /**
   * Waits for a step that fails when something is closed.
   *
   * @param step It.
   * @param close Closes that.
   * @throws Why it was ended, if it was.
   */
  async closing<T>(step: () => Promise<T>, close: () => void): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    signal.addEventListener("abort", close);
    try {
      const done = await step();
      signal.throwIfAborted();
      return done;
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
  }

  #late(timeout: number): void {
    const during = this.phase === "" ? "" : ` (${this.phase})`;
    this.#ended.abort(
      new DOMException(
        `${this.#what}${during}: it took longer than timeout, ${timeout} ms`,
        "TimeoutError",
      ),
    );
  }
}

/**
 * Checks the limits that are given as options.
 *
 * @param action What fails otherwise.
 * @throws {RangeError} If the time is not a number, or negative.
 * @throws {TypeError} If the signal is none.
 */
export function checkLimits({ signal, timeout }: Limits, action: string): void {
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(
      `Cannot ${action}: timeout must be a non-negative number of milliseconds, received ${
        Deno.inspect(timeout)
      }`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(
      `Cannot ${action}: signal must be an AbortSignal, received ${
        Deno.inspect(signal)
      }`,
    );
  }
}
