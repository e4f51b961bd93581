import { basename, join, sep } from "node:path";
import { HTTPError } from "../http_error.ts";

/** A script that is to be run. */
export interface Script {
  /** Its path, absolute. */
  readonly file: string;
  /** What of the URL's path leads to it, decoded. */
  readonly name: string;
  /** What of the URL's path follows, decoded: empty, or from a slash on. */
  readonly pathInfo: string;
}

/**
 * Finds the folder of scripts that a URL's path is in.
 *
 * @param path The path, decoded, without `.`, `..` and empty parts.
 * @param folders The folders' paths in URLs.
 * @returns The folder, with a slash before each part and none at the end.
 */
export function scriptFolder(
  path: string,
  folders: readonly string[],
): string | undefined {
  return folders.map(withoutExtraSlashes).find((folder) =>
    path === folder || path.startsWith(`${folder}/`)
  );
}

function withoutExtraSlashes(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((part) => `/${part}`).join("");
}

/**
 * Finds the script that a URL's path leads to: the first file on the way.
 *
 * @param root The folder that is served; a real path.
 * @param folder The folder of scripts, as `scriptFolder` gives it.
 * @param path The path, decoded, without `.`, `..` and empty parts.
 * @throws {HTTPError} If there is none that may be run.
 */
export async function findScript(
  root: string,
  folder: string,
  path: string,
): Promise<Script> {
  const realFolder = await realPathOf(join(root, folder));
  if (!isInside(realFolder, root)) throw notAScript();
  const parts = path.slice(folder.length).split("/").slice(1);
  let name = folder;
  while (parts.length > 0) {
    name += `/${parts.shift()}`;
    const file = join(root, name);
    // Where a link leads is looked at before what is there.
    if (!isInside(await realPathOf(file), realFolder)) throw notAScript();
    const { isDirectory, isFile, mode } = await Deno.stat(file);
    if (isDirectory) continue;
    if (!isFile || !isExecutable(file, mode)) throw notAScript();
    if (basename(file).startsWith("nph-")) {
      throw new HTTPError(501, "Scripts that parse no headers are not run");
    }
    const pathInfo = parts.map((part) => `/${part}`).join("");
    return { file, name, pathInfo };
  }
  throw notAScript();
}

/** Whether a path is the folder's or of what is in it; both are real. */
export function isInside(path: string, folder: string): boolean {
  return path === folder ||
    path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** What Windows runs, where files have no mode: those need no program's name. */
const WINDOWS_PROGRAM = /\.(exe|com|bat|cmd)$/i;

function isExecutable(file: string, mode: number | null): boolean {
  return mode === null || Deno.build.os === "windows"
    ? WINDOWS_PROGRAM.test(file)
    : (mode & 0o111) !== 0;
}

async function realPathOf(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) throw notAScript();
    if (isMissing(error)) {
      throw new HTTPError(404, "No such CGI script", { cause: error });
    }
    throw error;
  }
}

/** Whether nothing can have the name: also one too long, or a link to itself. */
function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.FilesystemLoop ||
    (error as { readonly code?: string }).code === "ENAMETOOLONG";
}

function notAScript(): HTTPError {
  return new HTTPError(403, "Not a CGI script");
}
