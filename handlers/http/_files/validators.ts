/** What tells one state of a file from another, RFC 9110, section 8.8. */
export interface Validators {
  /** As `ETag` has it: opaque, in quotes, with `W/` before it if weak. */
  readonly etag: string;
  /** As `Last-Modified` has it, in milliseconds: whole seconds. */
  readonly lastModified: number;
  /** Whether a file that is changed is sure to get another `lastModified`. */
  readonly isDateStrong: boolean;
}

/**
 * How long after a change another one may leave the times of a file as they
 * are, in milliseconds: FAT counts in steps of 2 seconds.
 */
const COARSEST_CLOCK = 2_000;

/**
 * The validators of a file.
 *
 * @param info What the file system tells of it.
 * @param now The current time, in milliseconds.
 */
export function validatorsOf(
  { size, mtime, ctime }: Deno.FileInfo,
  now: number,
): Validators {
  const modified = mtime?.getTime() ?? now;
  // Who sets a file's time back does not set back when its state was changed.
  const changed = Math.max(modified, ctime?.getTime() ?? 0);
  const isStrong = now - changed > COARSEST_CLOCK;
  const tag = [size, modified, changed].map((n) => n.toString(36)).join("-");
  // A time that is still to come is not sent, section 8.8.2.1.
  const lastModified = Math.floor(Math.min(modified, now) / 1000) * 1000;
  return {
    etag: isStrong ? `"${tag}"` : `W/"${tag}"`,
    lastModified,
    isDateStrong: isStrong,
  };
}
