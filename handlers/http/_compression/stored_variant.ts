import { isGranted } from "../../_granted.ts";
import type { Validators } from "../_files/validators.ts";
import type { ContentCoding } from "../http_compression.ts";

/** The endings of files that are encoded already. */
const ENDINGS: Readonly<Record<ContentCoding, string>> = {
  br: ".br",
  gzip: ".gz",
};

/** A file beside another, which has the same in a content coding. */
export interface StoredVariant {
  readonly coding: ContentCoding;
  /** Its path. */
  readonly path: string;
}

/**
 * Which codings of a file lie beside it. One that is older than the file may be
 * that of an earlier one, and does not count; nor do links, which might lead to
 * what is not served.
 *
 * @param path The file's path, behind which no link is.
 * @param info What the file system tells of it.
 * @param codings Those that are looked for.
 */
export async function storedVariants(
  path: string,
  { mtime }: Deno.FileInfo,
  codings: readonly ContentCoding[],
): Promise<StoredVariant[]> {
  const found = await Promise.all(codings.map(async (coding) => {
    const variant = { coding, path: path + ENDINGS[coding] };
    const since = mtime?.getTime();
    return await isFileSince(variant.path, since) ? variant : undefined;
  }));
  return found.filter((variant) => variant !== undefined);
}

/** Whether there is a file that was not changed before a time. */
async function isFileSince(
  path: string,
  since: number | undefined,
): Promise<boolean> {
  // Who may read one file alone is asked for no others.
  if (!isGranted({ name: "read", path })) return false;
  try {
    const { isFile, mtime } = await Deno.lstat(path);
    return isFile && since !== undefined && mtime !== null &&
      mtime.getTime() >= since;
  } catch {
    // Whatever is wrong with it, there is the file itself.
    return false;
  }
}

/** The validators of a stored variant: no other form of the file has its tag. */
export function variantValidators(
  validators: Validators,
  coding: ContentCoding,
): Validators {
  return {
    ...validators,
    etag: validators.etag.replace(/"$/, `-${coding}"`),
  };
}
