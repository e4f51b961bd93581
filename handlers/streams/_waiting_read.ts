/** What a read gives that needs more than has come. */
export const MORE: unique symbol = Symbol("more");

/** Looks whether a read has all it needs, and then takes it. */
export type Attempt<T> = () => T | typeof MORE;

const ignore = () => {};

/** A read that waits for bytes. */
export class WaitingRead<T = unknown> {
  readonly promise: Promise<T>;
  /** Looks again when more has come. */
  readonly attempt: Attempt<T>;
  /** The most that it has a use for, in bytes. */
  readonly most: number;
  /** Ends the watch for its time and its signal, if it has any. */
  unwatch: (() => void) | undefined;
  #resolve!: (value: T) => void;
  #reject!: (reason: unknown) => void;

  constructor(attempt: Attempt<T>, most: number) {
    this.attempt = attempt;
    this.most = most;
    this.unwatch = undefined;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  resolve(value: T): void {
    this.unwatch?.();
    this.#resolve(value);
  }

  /** The handler has ended before it: where nobody awaits it, that is reported. */
  leave(reason: unknown): void {
    this.unwatch?.();
    this.#reject(reason);
  }

  /** It may be that nobody awaits it, or not yet: a client can make any fail. */
  reject(reason: unknown): void {
    this.unwatch?.();
    this.promise.catch(ignore);
    this.#reject(reason);
  }
}
