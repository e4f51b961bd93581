/**
 * What is wrong with a write's answer, if anything: whoever writes the rest again
 * and again would never end, or leave some out.
 *
 * @param n How many bytes it took, as it says.
 * @param most How many it was given, at least 1.
 */
export function writeCountError(n: number, most: number): Error | undefined {
  if (Number.isInteger(n) && n > 0 && n <= most) return undefined;
  return new Deno.errors.WriteZero(
    `Cannot write ${most} bytes: write() took ${n}; it must take 1 to ${most}`,
  );
}
