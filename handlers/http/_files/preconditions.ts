import { parseHttpDate } from "./http_date.ts";
import type { Validators } from "./validators.ts";

/**
 * Evaluates the conditions of a GET or HEAD, in the order of RFC 9110, section
 * 13.2.2.
 *
 * @param headers The request's headers.
 * @param validators Those of the file.
 * @returns The status to answer with: 200 if nothing is against it.
 */
export function checkPreconditions(
  headers: Headers,
  { etag, lastModified }: Validators,
): 200 | 304 | 412 {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!lists(ifMatch, etag, isStrongMatch)) return 412;
  } else {
    const since = dateIn(headers, "if-unmodified-since");
    if (since !== undefined && lastModified > since) return 412;
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    return lists(ifNoneMatch, etag, isWeakMatch) ? 304 : 200;
  }
  const since = dateIn(headers, "if-modified-since");
  return since !== undefined && lastModified <= since ? 304 : 200;
}

/**
 * Whether `Range` is to be heeded, which `If-Range` decides: the client has a
 * part of the file as it is now. RFC 9110, section 13.1.5.
 *
 * @param headers The request's headers.
 * @param validators Those of the file.
 */
export function isRangeWanted(
  headers: Headers,
  { etag, lastModified, isDateStrong }: Validators,
): boolean {
  const ifRange = headers.get("if-range");
  if (ifRange === null) return true;
  if (ifRange.endsWith('"')) return isStrongMatch(ifRange, etag);
  return isDateStrong && parseHttpDate(ifRange) === lastModified;
}

type Match = (a: string, b: string) => boolean;

/** RFC 9110, section 8.8.3.2: two weak ones never match strongly. */
const isStrongMatch: Match = (a, b) => a === b && !a.startsWith("W/");
const isWeakMatch: Match = (a, b) => opaque(a) === opaque(b);

function opaque(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

/** An entity tag, RFC 9110, section 8.8.3. A comma may be in it. */
const ETAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

function lists(list: string, etag: string, isMatch: Match): boolean {
  // A file that is there matches `*`.
  if (list === "*") return true;
  return (list.match(ETAG) ?? []).some((listed) => isMatch(listed, etag));
}

function dateIn(headers: Headers, name: string): number | undefined {
  const value = headers.get(name);
  return value === null ? undefined : parseHttpDate(value);
}
