import { describe, INT_MAX } from "./_check.ts";

/**
 * A timeout as the kernel takes it, rounded up, so that a short one does not
 * turn into a busy loop.
 *
 * @returns Milliseconds; -1 for none.
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is NaN.
 */
export function milliseconds(timeout: number | null | undefined): number {
  if (timeout === undefined || timeout === null) return -1;
  if (typeof timeout !== "number") {
    throw new TypeError(
      `Cannot wait for ${
        describe(timeout)
      }: a timeout is a number of milliseconds`,
    );
  }
  if (Number.isNaN(timeout)) {
    throw new RangeError("Cannot wait for NaN milliseconds");
  }
  // -0, which is no integer to C, becomes 0.
  return timeout < 0 || timeout === Infinity ? -1 : Math.ceil(timeout) + 0;
}

/** When a wait ends. The kernel's longest, 24 days, is no limit of ours. */
export class Deadline {
  readonly #end: number;

  /** @param timeout In milliseconds; -1 for never. */
  constructor(timeout: number) {
    this.#end = timeout < 0 ? Infinity : performance.now() + timeout;
  }

  get passed(): boolean {
    return performance.now() >= this.#end;
  }

  /** What is left, for one call: at most 2^31 - 1 ms; -1 for no end. */
  get left(): number {
    if (this.#end === Infinity) return -1;
    const left = Math.ceil(this.#end - performance.now());
    // Not -0 either, which is no integer to C.
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : left;
  }
}
