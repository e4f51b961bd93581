/**
 * After so many calls in a row that can get nothing, the event loop gets a turn: a
 * loop around a stream that has ended or failed goes on without ever waiting, and
 * no timer, client or signal of the whole process would be looked at.
 */
export const FRUITLESS_IN_A_ROW = 32;

const ignore = () => {};

/**
 * Settles as `settled` does, but not before the event loop has had a turn. A timer
 * gives one, and takes a millisecond, so that such a loop hardly uses the processor.
 *
 * @param settled What is known already.
 * @returns A promise that is never an unhandled rejection.
 */
export function afterTurn<T>(settled: Promise<T>): Promise<T> {
  const later = new Promise<void>((resolve) => setTimeout(resolve))
    .then(() => settled);
  settled.catch(ignore);
  later.catch(ignore);
  return later;
}
