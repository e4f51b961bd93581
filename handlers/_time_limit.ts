/** The longest delay that `setTimeout` takes, in milliseconds (a signed 32-bit number). */
export const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Limits the time of something.
 *
 * @param ms How long it may take, in milliseconds; `Infinity` sets no limit.
 * @param message What the error says.
 * @param late Called with a "TimeoutError" when the time has gone by.
 * @returns The timer to clear, if there is a limit.
 */
export function limitTime(
  ms: number,
  message: string,
  late: (reason: DOMException) => void,
): ReturnType<typeof setTimeout> | undefined {
  if (ms === Infinity) return undefined;
  return setTimeout(
    () => late(new DOMException(message, "TimeoutError")),
    Math.min(ms, LONGEST_DELAY),
  );
}
