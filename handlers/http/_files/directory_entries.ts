import { join } from "node:path";
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

/** What was read of a directory. */
export interface DirectoryEntries {
  readonly entries: readonly DirectoryEntry[];
  /** Whether these are all. */
  readonly isComplete: boolean;
}

/**
 * Reads a directory. What would not be served is left out: links that are not
 * followed or lead nowhere, pipes, sockets and devices; and names that are not
 * UTF-8, which Deno cannot open.
 *
 * @param path Its path, with no links that are not followed.
 * @param find Finds something in it that may be served.
 * @param most How many entries are read.
 */
export async function readEntries(
  path: string,
  find: (name: string) => Promise<FoundFile>,
  most: number,
): Promise<DirectoryEntries> {
  const found = await readDirectory(path);
  const entries: DirectoryEntry[] = [];
  let at = 0;
  while (at < found.length && entries.length < most) {
    const some = found.slice(at, at + Math.min(AT_ONCE, most - entries.length));
    at += some.length;
    for (
      const entry of await Promise.all(
        some.map((entry) => look(path, entry, find)),
      )
    ) if (entry !== undefined) entries.push(entry);
  }
  return { entries, isComplete: at === found.length };
}

async function readDirectory(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    throw answerTo(error);
  }
}

async function look(
  path: string,
  { name, isFile, isDirectory, isSymlink }: Deno.DirEntry,
  find: (name: string) => Promise<FoundFile>,
): Promise<DirectoryEntry | undefined> {
  if (!isFile && !isDirectory && !isSymlink) return undefined;
  try {
    const info = await infoOf(path, name, isSymlink, find);
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

/** Only of a link it has to be found out where it leads. */
async function infoOf(
  path: string,
  name: string,
  isSymlink: boolean,
  find: (name: string) => Promise<FoundFile>,
): Promise<Deno.FileInfo> {
  if (!isSymlink) {
    try {
      const info = await Deno.lstat(join(path, name));
      // Since its name was read it may have become anything.
      if (info.isFile || info.isDirectory) return info;
    } catch (error) {
      throw answerTo(error);
    }
  }
  return (await find(name)).info;
}
