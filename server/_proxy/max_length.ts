/** The longest header that is taken unless it is said, in bytes. */
export const MAX_LENGTH = 4_096;
/** The longest that version 2 can say it is, in bytes. */
const LONGEST = 16 + 0xffff;

/**
 * Checks how long a header may be.
 *
 * @param action What fails otherwise.
 * @throws {RangeError} If it is out of range.
 */
export function checkMaxLength(maxLength: number, action: string): void {
  if (maxLength >= 16 && maxLength <= LONGEST) return;
  throw new RangeError(
    `Cannot ${action}: maxLength must be from 16 to ${LONGEST}, received ${
      Deno.inspect(maxLength)
    }`,
  );
}
