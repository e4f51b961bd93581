import { basename, dirname, isAbsolute, relative, sep } from "node:path";
import { type ServedDirectory, servedDirectory } from "./find_file.ts";

/** Where something is: the names on the way to it from a directory. */
export interface Location {
  readonly root: ServedDirectory;
  readonly names: readonly string[];
}

/**
 * Says how a path is reached from the directory that is served. One that lies
 * elsewhere, where a handler has led it, is reached from its own folder: a link
 * there must not lead out of that.
 *
 * @param directory The path of the directory that is served.
 * @param path The path.
 * @throws {HTTPError} If the folder is not there, or may not be read.
 */
export async function locate(
  directory: string,
  path: string,
): Promise<Location> {
  const way = relative(directory, path);
  const isElsewhere = way === ".." || way.startsWith(`..${sep}`) ||
    isAbsolute(way);
  return isElsewhere
    ? { root: await servedDirectory(dirname(path)), names: [basename(path)] }
    : {
      root: await servedDirectory(directory),
      names: way === "" ? [] : way.split(sep),
    };
}
