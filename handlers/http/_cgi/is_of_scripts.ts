import { join } from "node:path";
import { isMissing } from "../_files/file_error.ts";
import { isInside } from "../_files/find_file.ts";
import { namesOn } from "./find_script.ts";

/**
 * Whether a path leads to something in a folder of scripts by another name: by
 * a link, or in other letters where the file system takes those for the same.
 *
 * @param root The path of the directory that is served.
 * @param folders The folders of scripts, as paths in URLs.
 * @param path The path.
 */
export async function isOfScripts(
  root: string,
  folders: readonly string[],
  path: string,
): Promise<boolean> {
  const real = await realPath(path);
  if (real === undefined) return false;
  for (const folder of folders) {
    const scripts = await realPath(join(root, ...namesOn(folder)));
    if (scripts !== undefined && isInside(real, scripts)) return true;
  }
  return false;
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    // What cannot be looked at cannot be sent either.
    if (
      isMissing(error) || error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable
    ) return undefined;
    throw error;
  }
}
