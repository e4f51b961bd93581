/** Entity tags in a list, RFC 9110, section 8.8.3. A comma may be in one. */
const ETAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/**
 * `Vary` with `Accept-Encoding` in it, RFC 9110, section 12.5.5.
 *
 * @param vary What it is so far, if anything.
 */
export function varyByEncoding(vary: string | null): string {
  if (vary === null || vary.trim() === "") return "Accept-Encoding";
  const names = vary.toLowerCase().split(",").map((name) => name.trim());
  return names.includes("*") || names.includes("accept-encoding")
    ? vary
    : `${vary}, Accept-Encoding`;
}

/**
 * The tag of what is compressed anew each time: its bytes may differ from time to
 * time, and they do from what is not compressed (RFC 9110, section 8.8.1).
 */
export function weakTag(etag: string): string {
  return etag.startsWith("W/") ? etag : `W/${etag}`;
}

/**
 * Whether a client has what a tag stands for: the weak comparison of RFC 9110,
 * section 8.8.3.2.
 *
 * @param ifNoneMatch The value of `If-None-Match`.
 */
export function hasTag(ifNoneMatch: string, etag: string): boolean {
  const wanted = weakTag(etag);
  return tagsIn(ifNoneMatch).some((tag) => weakTag(tag) === wanted);
}

/** Whether a client names a tag exactly as it is, weak or strong. */
export function namesTag(ifNoneMatch: string, etag: string): boolean {
  return tagsIn(ifNoneMatch).includes(etag);
}

function tagsIn(list: string): readonly string[] {
  return list.match(ETAG) ?? [];
}
