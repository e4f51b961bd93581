import { join, sep } from "node:path";
import { HTTPError } from "../http_error.ts";
import { answerTo } from "./file_error.ts";

/**
 * Which symbolic links are served: those that lead to something in the
 * directory, all, or none.
 */
export type SymlinkPolicy = "inside" | "anywhere" | "never";

/** Something that may be served. */
export interface FoundFile {
  /** Its path, absolute. */
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/**
 * Finds a file or a folder. Nothing is opened: a pipe would wait for its other
 * end.
 *
 * @param root The directory that is served; a real path.
 * @param names The names on the way from there.
 * @param policy What to do with symbolic links.
 * @throws {HTTPError} If there is none that may be served.
 */
export async function findFile(
  root: string,
  names: readonly string[],
  policy: SymlinkPolicy,
): Promise<FoundFile> {
  const named = join(root, ...names);
  try {
    // The real path has no links that could lead elsewhere afterwards.
    const path = policy === "anywhere" ? named : await Deno.realPath(named);
    if (policy === "inside" ? !isInside(path, root) : path !== named) {
      throw new HTTPError(403, "The link is not followed");
    }
    const info = await Deno.stat(path);
    if (!info.isFile && !info.isDirectory) {
      throw new HTTPError(403, "Neither a file nor a directory");
    }
    return { path, info };
  } catch (error) {
    throw answerTo(error);
  }
}

/** Whether a path is the folder's or of what is in it; both are real. */
function isInside(path: string, folder: string): boolean {
  return path === folder ||
    path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
