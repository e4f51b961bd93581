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
  readonly #signal: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #abort: (() => void) | undefined;
  /** Why all has ended, if it has. */
  #ended: { readonly reason: unknown } | undefined;
  /** Ends the step that is under way. */
  #end: (() => void) | undefined;

  /**
   * @param what What cannot be done if it takes too long, as errors begin.
   * @param limits The signal and the time.
   * @throws What the signal says, where it has done so already.
   */
  constructor(what: string, { signal, timeout }: Limits) {
    this.#what = what;
    this.#timer = limitTime(timeout, "", () => this.#late(timeout));
    if (signal === undefined) return;
    if (signal.aborted) {
      clearTimeout(this.#timer);
      throw signal.reason;
    }
    this.#signal = signal;
    this.#abort = () => this.#stop(signal.reason);
    signal.addEventListener("abort", this.#abort);
  }

  /** Whether the time has gone by, or the signal has said so. */
  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Waits for a step that cannot be ended, and leaves it alone where it takes too
   * long.
   *
   * @param step It.
   * @throws Why it is waited for no more.
   */
  async wait<T>(step: Promise<T>): Promise<T> {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    return await this.closing(
      () => Promise.race([step, ended]) as Promise<T>,
      resolve,
    );
  }

  /**
   * Waits for a step that ends when something is closed.
   *
   * @param step It.
   * @param close Closes that.
   * @param undo What becomes of it where it is done all the same.
   * @throws Why it was ended, if it was.
   */
  async closing<T>(
    step: () => Promise<T>,
    close: () => void,
    undo?: (done: T) => void,
  ): Promise<T> {
    this.#check();
    this.#end = close;
    let done: T;
    try {
      done = await step();
    } catch (error) {
      // A step that was ended fails for that.
      this.#check();
      throw error;
    } finally {
      this.#end = undefined;
    }
    if (this.isEnded) undo?.(done);
    this.#check();
    return done;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#abort !== undefined) {
      this.#signal!.removeEventListener("abort", this.#abort);
    }
  }

  #late(timeout: number): void {
    const during = this.phase === "" ? "" : ` (${this.phase})`;
    this.#stop(
      new DOMException(
        `${this.#what}${during}: it took longer than timeout, ${timeout} ms`,
        "TimeoutError",
      ),
    );
  }

  #stop(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#end?.();
  }

  #check(): void {
    if (this.#ended !== undefined) throw this.#ended.reason;
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
