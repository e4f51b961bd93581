import { setTimeout } from "node:timers/promises";

/** Waits some milliseconds; rejects with the signal's reason. */
export async function sleep(
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
