/** Options of {@linkcode Recyclable.recycle}. */
export interface RecycleOptions {
  /**
   * How long requests in the old threads or processes may take to finish, in
   * milliseconds. After it their signals are aborted and their connections closed.
   *
   * @default {15000} or the server's `gracePeriod`
   */
  readonly gracePeriod?: number;
}

/** A server whose threads or processes can be replaced while it serves. */
export interface Recyclable {
  /**
   * Replaces all threads or processes by new ones, which import the handler's
   * module again: what its files say by then runs from then on. One after the
   * other: the new one is ready before the old one takes no more requests, and
   * ends when those that it has have ended. Their handlers are told by
   * `onShutdown`, as they are when the server shuts down.
   *
   * While it lasts there may be twice as many threads, and one process more than
   * `maxChildren`. Does nothing where the server has ended. A thread that accepts
   * for itself may have been given a client just when the server was suspended:
   * then it ends, with the requests that it has, when the server goes on, and is
   * not waited for.
   *
   * @param options How long requests in the old ones may take.
   * @returns A promise that resolves when the old ones are gone, or the server has
   * ended. It rejects with what keeps a new one from being started: those that
   * have not been replaced by then go on.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  recycle(options?: RecycleOptions): Promise<void>;
}
