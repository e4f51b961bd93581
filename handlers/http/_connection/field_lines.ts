import { HTTPError } from "../http_error.ts";

/**
 * Fields of a request that are no lists, so that a second line of the same name
 * cannot be joined to the first: RFC 9110, section 5.3. Which of both counts,
 * the programs that see a request would not agree on. `Host` and
 * `Content-Length` are looked at elsewhere.
 */
const SINGLE = new Set([
  "access-control-request-method",
  "authorization",
  "content-location",
  "content-range",
  "content-type",
  "date",
  "from",
  "if-modified-since",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "origin",
  "proxy-authorization",
  "range",
  "referer",
  "sec-websocket-key",
  "sec-websocket-version",
  "user-agent",
]);

/** As RFC 9113, section 8.2.3, joins lines of `Cookie`: a comma may be in one. */
const COOKIE_SEPARATOR = "; ";

/**
 * Refuses a field that comes a second time and must not.
 *
 * @param rawHeaders Names and values in turn.
 * @param index Where the name is that may have come before.
 * @throws {HTTPError} If it has.
 */
export function refuseRepeated(
  rawHeaders: readonly string[],
  index: number,
): void {
  const name = rawHeaders[index]!.toLowerCase();
  if (!SINGLE.has(name)) return;
  for (let i = 0; i < index; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === name) {
      throw new HTTPError(400, `The request has more than one ${name}`);
    }
  }
}

/**
 * Makes one field of several lines of `Cookie`, in the place of the first.
 *
 * @param rawHeaders Names and values in turn.
 */
export function joinCookies(rawHeaders: string[]): void {
  let kept = 0;
  let cookie: number | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    const isCookie = name.toLowerCase() === "cookie";
    if (isCookie && cookie !== undefined) {
      const before = rawHeaders[cookie]!;
      rawHeaders[cookie] = [before, value].filter((text) => text !== "")
        .join(COOKIE_SEPARATOR);
      continue;
    }
    rawHeaders[kept] = name;
    rawHeaders[kept + 1] = value;
    if (isCookie) cookie = kept + 1;
    kept += 2;
  }
  rawHeaders.length = kept;
}
