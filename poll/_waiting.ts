import { timesClosed } from "./_descriptors.ts";
import { type Interest, type Limits, waitForAny } from "./_waiter.ts";

/**
 * Waits until one of the descriptors may be ready, is closed, or time is up.
 *
 * @returns Those that were closed meanwhile. Their numbers may be others' by
 * now, so asking the kernel again would tell of strangers.
 */
export async function waitAndTellClosed(
  interests: readonly Interest[],
  limits: Limits,
): Promise<number[]> {
  const before = interests.map(({ fd }) => timesClosed(fd));
  await waitForAny(interests, limits);
  return interests.map(({ fd }) => fd)
    .filter((fd, i) => timesClosed(fd) !== before[i]);
}
