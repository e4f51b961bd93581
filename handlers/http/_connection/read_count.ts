/**
 * What is wrong with a read's answer, if anything: whoever reads again where
 * nothing came would never wait, and never end.
 *
 * @param n How many bytes it gave, as it says.
 * @param most How many it had room for, at least 1.
 */
export function readCountError(n: number, most: number): Error | undefined {
  if (Number.isInteger(n) && n > 0 && n <= most) return undefined;
  return new Deno.errors.InvalidData(
    `Cannot read ${most} bytes: read() gave ${n}; it must give 1 to ${most}, or null at the end`,
  );
}
