import { HTTPError } from "../http_error.ts";
import { answerTo } from "./file_error.ts";
import type { FoundFile } from "./find_file.ts";

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
 * @param path Its path.
 * @param find Finds something in it that may be served.
 */
export async function readEntries(
  path: string,
  find: (name: string) => Promise<FoundFile>,
): Promise<DirectoryEntry[]> {
  const found = await readDirectory(path);
  const entries: DirectoryEntry[] = [];
  for (let i = 0; i < found.length; i += AT_ONCE) {
    const some = await Promise.all(
      found.slice(i, i + AT_ONCE).map((entry) => look(entry, find)),
    );
    for (const entry of some) if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

async function readDirectory(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    throw answerTo(error);
  }
}

async function look(
  { name, isFile, isDirectory, isSymlink }: Deno.DirEntry,
  find: (name: string) => Promise<FoundFile>,
): Promise<DirectoryEntry | undefined> {
  if (!isFile && !isDirectory && !isSymlink) return undefined;
  try {
    const { info } = await find(name);
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
