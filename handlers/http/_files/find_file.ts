import { join, sep } from "node:path";
import { HTTPError } from "../http_error.ts";
import { answerTo } from "./file_error.ts";

/**
 * Which symbolic links are served: those that lead to something in the
 * directory, all, or none.
 */
export type SymlinkPolicy = "inside" | "anywhere" | "never";

/** The directory that is served. */
export interface ServedDirectory {
  /**
   * Its path as it was given. What is in it is opened through that: permission
   * to read a link to a directory is none to read it by its real path.
   */
  readonly path: string;
  /** Its path without links. */
  readonly realPath: string;
}

/** Something that may be served. */
export interface FoundFile {
  /** Its path through the directory's own, with no further links. */
  readonly path: string;
  /** Its path without links, if that is known. */
  readonly realPath: string | undefined;
  readonly info: Deno.FileInfo;
}

/**
 * Looks where a directory is.
 *
 * @param path Its path.
 * @throws {HTTPError} If it is not there, or may not be read.
 */
export async function servedDirectory(path: string): Promise<ServedDirectory> {
  try {
    return { path, realPath: await Deno.realPath(path) };
  } catch (error) {
    throw answerTo(error);
  }
}

/**
 * What the file system tells of a file or a folder. Nothing is opened: a pipe
 * would wait for its other end.
 *
 * @param path Its path.
 * @throws {HTTPError} If it is something else.
 * @throws What the file system says.
 */
export async function servableInfo(path: string): Promise<Deno.FileInfo> {
  const info = await Deno.stat(path);
  if (info.isFile || info.isDirectory) return info;
  throw new HTTPError(403, "Neither a file nor a directory");
}

/**
 * Finds a file or a folder.
 *
 * @param root The directory that is served.
 * @param names The names on the way from there.
 * @param policy What to do with symbolic links.
 * @throws {HTTPError} If there is none that may be served.
 */
export async function findFile(
  root: ServedDirectory,
  names: readonly string[],
  policy: SymlinkPolicy,
): Promise<FoundFile> {
  try {
    const { path, realPath } = policy === "anywhere"
      ? { path: join(root.path, ...names), realPath: undefined }
      : await withoutLinks(root, names, policy);
    return { path, realPath, info: await servableInfo(path) };
  } catch (error) {
    throw answerTo(error);
  }
}

/** Where the links on the way lead to. */
async function withoutLinks(
  root: ServedDirectory,
  names: readonly string[],
  policy: "inside" | "never",
): Promise<Pick<FoundFile, "path" | "realPath">> {
  const real = await Deno.realPath(join(root.path, ...names));
  const isServed = policy === "inside"
    ? isInside(real, root.realPath)
    : real === join(root.realPath, ...names);
  if (!isServed) throw new HTTPError(403, "The link is not followed");
  const path = join(root.path, real.slice(root.realPath.length));
  return { path, realPath: real };
}

/** Whether a path is the folder's or of what is in it; both are without links. */
export function isInside(path: string, folder: string): boolean {
  return path === folder ||
    path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
