import { MEDIA_TYPES } from "./media_types.ts";

/** What is sent of a file whose name tells nothing: bytes. */
export const UNKNOWN_TYPE = "application/octet-stream";

/** Types by the endings of names, in lower case, without their dot. */
const TYPES = new Map(
  Object.entries(MEDIA_TYPES).flatMap(([type, endings]) =>
    endings.split(" ").map((ending) => [ending, type] as const)
  ),
);

/**
 * Guesses a file's type by its name.
 *
 * @param name The name, or a path.
 * @param own Types by endings, in lower case, which go before the known ones.
 * @param unknown The type of a name that tells nothing.
 * @returns The type; text with its encoding, which is taken to be UTF-8.
 */
export function contentType(
  name: string,
  own: Readonly<Record<string, string>>,
  unknown: string = UNKNOWN_TYPE,
): string {
  // A name that only has a dot in front has no ending.
  const ending = /[^/\\](\.[^./\\]*)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  if (Object.hasOwn(own, ending)) return own[ending]!;
  const type = TYPES.get(ending.slice(1));
  if (type === undefined) return unknown;
  return type.startsWith("text/") ? `${type};charset=utf-8` : type;
}
