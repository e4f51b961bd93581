/**
 * What a request is aborted with that has not finished in a grace period.
 *
 * @param gracePeriod How long that was, in milliseconds.
 * @param isReplaced Whether the server goes on, and only what ran the request does
 * not.
 */
export function tookTooLong(
  gracePeriod: number,
  isReplaced: boolean,
): DOMException {
  if (isReplaced) {
    return new DOMException(
      `What ran the request was recycled and it did not finish within ${gracePeriod} ms`,
      "AbortError",
    );
  }
  return new DOMException(
    `The server shut down and the request did not finish within ${gracePeriod} ms`,
    "AbortError",
  );
}
