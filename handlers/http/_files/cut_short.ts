/**
 * The error of a file that has become shorter than it was when its length was
 * announced.
 *
 * @param length How much of it was to be sent, in bytes.
 * @param sent How much there was.
 */
export function cutShort(length: number, sent: number): Error {
  return new Error(
    `Cannot send ${length} bytes of a file: it was cut short and ended after ${sent}`,
  );
}
