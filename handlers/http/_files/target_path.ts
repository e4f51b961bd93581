import { HTTPError } from "../http_error.ts";

/** What a request's target says about a file. */
export interface TargetPath {
  /** The names on the way from the root, decoded; each is one. */
  readonly names: readonly string[];
  /** Whether it ends with a slash, or as if it did. */
  readonly isFolder: boolean;
  /** From the first question mark on, as it was sent; empty where there is none. */
  readonly query: string;
}

/** A path with its query, or a whole URL, RFC 9112, section 3.2. */
const TARGET = /^(?:https?:\/\/[^/?#]*(?=[/?#]|$))?([^?#]*)(\?[^#]*)?/i;
/** What no name may have. On Windows these lead to other folders and streams. */
const FORBIDDEN = Deno.build.os === "windows" ? /[\0/\\:]/ : /[\0/]/;

/**
 * Takes the target of a request apart. It is split before it is decoded, and
 * decoded once: an encoded slash separates nothing, and what decodes to
 * something encoded is a name.
 *
 * @param target The target.
 * @returns Names none of which is empty, `.` or `..`.
 * @throws {HTTPError} If it is not a path, or leads out of the root.
 */
export function parseTargetPath(target: string): TargetPath {
  const [whole = "", path = "", query = ""] = TARGET.exec(target) ?? [];
  const isUrl = whole.length > path.length + query.length;
  if (!path.startsWith("/") && !(isUrl && path === "")) {
    throw new HTTPError(400, "The request is not for a path");
  }
  const names: string[] = [];
  let isFolder = true;
  for (const part of path.split("/")) {
    const name = decode(part);
    isFolder = name === "" || name === "." || name === "..";
    if (name === "..") {
      if (names.pop() === undefined) throw new HTTPError(404);
    } else if (!isFolder) names.push(name);
  }
  return { names, isFolder, query };
}

/**
 * The path that a client asks for a folder by.
 *
 * @param names The names on the way to it.
 * @returns The path, encoded; never one that begins with two slashes, which
 * would name another host.
 */
export function folderPath(names: readonly string[]): string {
  return `/${names.map((name) => `${encodeURIComponent(name)}/`).join("")}`;
}

/**
 * The target that asks for the same and leads there straight, without dots and
 * doubled slashes.
 *
 * @param target What was asked for.
 * @returns A path with its query, each name encoded.
 */
export function straightTarget(
  { names, isFolder, query }: TargetPath,
): string {
  const path = folderPath(names);
  return (isFolder ? path : path.slice(0, -1)) + query;
}

function decode(part: string): string {
  let name: string;
  try {
    name = decodeURIComponent(part.replaceAll(/[\x80-\xff]/g, encodeByte));
  } catch (error) {
    throw new HTTPError(400, "The path is not UTF-8", { cause: error });
  }
  if (FORBIDDEN.test(name)) throw new HTTPError(404);
  return name;
}

/** Some clients send bytes as they are. Here each is one character. */
function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`;
}
