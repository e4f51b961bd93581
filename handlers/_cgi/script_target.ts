/** A request's target as scripts see it. */
export interface ScriptTarget {
  /** Decoded, without `.`, `..` and empty parts; it starts with a slash. */
  readonly path: string;
  /** What follows the first question mark, as it was sent. */
  readonly query: string;
}

/**
 * Takes a target apart. The whole path is decoded first, since `PATH_INFO` is
 * passed decoded (RFC 3875, section 4.1.5): an encoded slash is a slash.
 *
 * @param target The target: a path with a query, or a whole URL.
 * @returns Its parts, or `undefined` where it is no path of this server.
 */
export function scriptTarget(target: string): ScriptTarget | undefined {
  const [, raw, query = ""] =
    /^(?:https?:\/\/[^/?#]*)?(\/[^?#]*)(?:\?([^#]*))?/i
      .exec(target) ?? [];
  if (raw === undefined) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  // Of the file system's own signs, only the slash has a place in a URL.
  if (/[\0\\]/.test(decoded)) return undefined;
  const parts: string[] = [];
  for (const part of decoded.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== "" && part !== ".") parts.push(part);
  }
  const isFolder = /\/(\.{0,2})$/.test(decoded) && parts.length > 0;
  return { path: `/${parts.join("/")}${isFolder ? "/" : ""}`, query };
}
