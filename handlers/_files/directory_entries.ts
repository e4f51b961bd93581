import { HTTPError } from "../http_error.ts";
import { findFile, type SymlinkPolicy } from "./find_file.ts";

/** Something in a directory that may be served. */
export interface DirectoryEntry {
  /** Its name. */
  readonly name: string;
  /** Whether it is a directory, or a link to one. */
  readonly isDirectory: boolean;
  /** In bytes; 0 of a directory. */
  readonly size: number;
  /** When it was changed last, where the file system tells. */
  readonly modified: Date | null;
}

/** How many entries are looked at side by side. */
const AT_ONCE = 64;

/**
 * Reads a directory. What would not be served is left out: links that are not
 * followed or lead nowhere, pipes, sockets and devices; and names that are not
 * UTF-8, which Deno cannot open.
 *
 * @param root The directory that is served; a real path.
 * @param names The names on the way from there to this one.
 * @param path The real path of this one.
 * @param policy What to do with symbolic links.
 */
export async function readEntries(
  root: string,
  names: readonly string[],
  path: string,
  policy: SymlinkPolicy,
): Promise<DirectoryEntry[]> {
  const found = await Array.fromAsync(Deno.readDir(path));
  const entries: DirectoryEntry[] = [];
  for (let i = 0; i < found.length; i += AT_ONCE) {
    const some = await Promise.all(
      found.slice(i, i + AT_ONCE).map((entry) =>
        look(root, names, entry, policy)
      ),
    );
    for (const entry of some) if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

async function look(
  root: string,
  names: readonly string[],
  { name, isFile, isDirectory, isSymlink }: Deno.DirEntry,
  policy: SymlinkPolicy,
): Promise<DirectoryEntry | undefined> {
  if (!isFile && !isDirectory && !isSymlink) return undefined;
  try {
    const { info } = await findFile(root, [...names, name], policy);
    return {
      name,
      isDirectory: info.isDirectory,
      size: info.isDirectory ? 0 : info.size,
      modified: info.mtime,
    };
  } catch (error) {
    if (error instanceof HTTPError) return undefined;
    throw error;
  }
}
