import { HTTPError } from "../http_error.ts";

/**
 * Fields that are no lists, so that a second line of the same name cannot be
 * joined to the first: RFC 9110, section 5.3. Which of both counts, the programs
 * that see a request would not agree on. They are those of IANA's registry of
 * HTTP fields, those of responses too. `Host` and `Content-Length` are looked at
 * elsewhere, and so is `Cookie`. A second `Early-Data` means what one does:
 * RFC 8470, section 5.1.
 */
const SINGLE = new Set([
  // RFC 9110 and RFC 9111.
  "age",
  "authorization",
  "content-location",
  "content-range",
  "content-type",
  "date",
  "etag",
  "expires",
  "from",
  "if-modified-since",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "range",
  "referer",
  "retry-after",
  "server",
  "user-agent",
  // RFC 6266, and RFC 9112, appendix B.1.
  "content-disposition",
  "mime-version",
  // Origins, and what browsers say of a request: RFC 6454, RFC 7034, and the
  // Fetch, HTML and GPC standards.
  "access-control-allow-credentials",
  "access-control-allow-origin",
  "access-control-max-age",
  "access-control-request-method",
  "cross-origin-embedder-policy",
  "cross-origin-embedder-policy-report-only",
  "cross-origin-opener-policy",
  "cross-origin-opener-policy-report-only",
  "cross-origin-resource-policy",
  "last-event-id",
  "origin",
  "origin-agent-cluster",
  "ping-from",
  "ping-to",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-fetch-storage-access",
  "sec-fetch-user",
  "sec-gpc",
  "sec-purpose",
  "upgrade-insecure-requests",
  "x-frame-options",
  // WebSockets: RFC 6455.
  "sec-websocket-accept",
  "sec-websocket-key",
  "sec-websocket-version",
  // Proofs of who asks, and of what is asked: RFC 6797, RFC 8473, RFC 8555, RFC
  // 9440, RFC 9449.
  "client-cert",
  "dpop",
  "dpop-nonce",
  "replay-nonce",
  "sec-token-binding",
  "strict-transport-security",
  // WebDAV and what builds on it: RFC 3253, RFC 3648, RFC 4437, RFC 4918, RFC
  // 6638, RFC 7809.
  "apply-to-redirect-ref",
  "caldav-timezones",
  "depth",
  "destination",
  "if",
  "if-schedule-tag-match",
  "label",
  "lock-token",
  "ordering-type",
  "overwrite",
  "position",
  "redirect-ref",
  "schedule-reply",
  "schedule-tag",
  // Others: RFC 3229, RFC 5023, RFC 7089, RFC 7838, RFC 8030, RFC 8594, RFC
  // 9297.
  "accept-datetime",
  "alt-used",
  "capsule-protocol",
  "delta-base",
  "memento-datetime",
  "slug",
  "sunset",
  "topic",
  "ttl",
  "urgency",
  // OData and OSLC.
  "isolation",
  "odata-entityid",
  "odata-isolation",
  "odata-maxversion",
  "odata-version",
  "oslc-core-version",
  "repeatability-client-id",
  "repeatability-first-sent",
  "repeatability-request-id",
  "repeatability-result",
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
