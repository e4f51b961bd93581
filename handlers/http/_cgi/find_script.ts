import { resolve } from "node:path";
import {
  findFile,
  isInside,
  type ServedDirectory,
} from "../_files/find_file.ts";
import type { TargetPath } from "../_files/target_path.ts";
import { HTTPError } from "../http_error.ts";

/** A script that is to be run. */
export interface Script {
  /** Its path, absolute. */
  readonly file: string;
  /** What of the URL's path leads to it, decoded. */
  readonly name: string;
  /** What of the URL's path follows, decoded: empty, or from a slash on. */
  readonly pathInfo: string;
  /** Whether what it prints is a whole response: RFC 3875, section 5. */
  readonly isUnparsed: boolean;
}

/**
 * Finds the folder of scripts that a path is in.
 *
 * @param names The names on the path.
 * @param folders The folders, as paths in URLs.
 * @returns The names on the way to the folder.
 */
export function scriptFolder(
  names: readonly string[],
  folders: readonly string[],
): string[] | undefined {
  return folders.map(namesOn).find((folder) =>
    folder.every((name, index) => names[index] === name)
  );
}

/** The names on a path. */
export function namesOn(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

/**
 * Finds the script that a path leads to: the first file on the way.
 *
 * @param root The directory that is served.
 * @param folder The names on the way to the folder of scripts.
 * @param target The path.
 * @throws {HTTPError} If there is none that may be run.
 */
export async function findScript(
  root: ServedDirectory,
  folder: readonly string[],
  { names, isFolder }: TargetPath,
): Promise<Script> {
  const find = (names: readonly string[]) => findFile(root, names, "inside");
  const scripts = await find(folder);
  for (let count = folder.length + 1; count <= names.length; count++) {
    const way = names.slice(0, count);
    const { path, info } = await find(way);
    if (!isInside(resolve(path), resolve(scripts.path))) throw notAScript();
    if (info.isDirectory) continue;
    if (!isExecutable(path, info)) throw notAScript();
    return {
      // By its own name, which is what may be run by --allow-run.
      file: resolve(root.path, ...way),
      name: asPath(way),
      pathInfo: asPath(names.slice(count)) + (isFolder ? "/" : ""),
      isUnparsed: way.at(-1)!.startsWith("nph-"),
    };
  }
  throw notAScript();
}

/** What Windows runs, where files have no mode: those need no program's name. */
const WINDOWS_PROGRAM = /\.(exe|com|bat|cmd)$/i;

function isExecutable(path: string, { mode }: Deno.FileInfo): boolean {
  return mode === null || Deno.build.os === "windows"
    ? WINDOWS_PROGRAM.test(path)
    : (mode & 0o111) !== 0;
}

function asPath(names: readonly string[]): string {
  return names.map((name) => `/${name}`).join("");
}

function notAScript(): HTTPError {
  return new HTTPError(403, "Not a CGI script");
}
