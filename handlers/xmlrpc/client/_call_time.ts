import { limitTime } from "../../_time_limit.ts";

/** What ends a call before its answer. */
export interface CallEnds {
  readonly signals: readonly (AbortSignal | undefined)[];
  /** How long it may take, in milliseconds. */
  readonly timeout: number;
  /** What the error of a call says that takes longer. */
  readonly late: string;
}

/**
 * Does something until one of its signals is aborted, or its time is over.
 *
 * @param ends What ends it.
 * @param run Does it. Its signal is also aborted when it fails, so that nothing
 * is left of what it has begun.
 * @returns A promise of what it comes to. It rejects with the signal's reason, or
 * with a "TimeoutError", at once: whatever `run` makes of its own signal.
 */
export async function untilEnded<T>(
  { signals, timeout, late }: CallEnds,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (const signal of signals) signal?.throwIfAborted();
  const own = new AbortController();
  const ended = Promise.withResolvers<never>();
  const end = (reason: unknown) => {
    ended.reject(reason);
    own.abort(reason);
  };
  const watches = signals.map((signal) => {
    const onAbort = () => end(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    return () => signal?.removeEventListener("abort", onAbort);
  });
  const timer = limitTime(timeout, late, end);
  try {
    return await Promise.race([run(own.signal), ended.promise]);
  } catch (error) {
    own.abort(error);
    throw error;
  } finally {
    clearTimeout(timer);
    for (const unwatch of watches) unwatch();
  }
}
