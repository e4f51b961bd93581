/** What the transport decides: RFC 9110, section 7.6.1, and what frames a body. */
const FRAMING: readonly string[] = [
  ...["connection", "content-encoding", "content-length", "expect", "host"],
  ...["keep-alive", "proxy-connection", "te", "trailer"],
  ...["transfer-encoding", "upgrade"],
];

/**
 * The headers of every call, but for those that the transport adds.
 *
 * @param given Those of the user.
 * @param authorization What the URL says about who calls.
 * @throws {TypeError} If one cannot be sent, or the user must not set it.
 */
export function callHeaders(
  given: HeadersInit | undefined,
  authorization: string | undefined,
): Headers {
  const headers = new Headers({
    "accept": "text/xml",
    "accept-encoding": "gzip",
    "content-type": "text/xml",
    // The specification asks for one.
    "user-agent": navigator.userAgent,
  });
  const own = new Headers(given);
  for (const [name, value] of own) {
    if (FRAMING.includes(name)) {
      throw new TypeError(
        `Cannot create a client: the header "${name}" is what the connection decides; leave it out`,
      );
    }
    headers.set(name, value);
  }
  if (authorization === undefined) return headers;
  if (own.has("authorization")) {
    throw new TypeError(
      "Cannot create a client: both the URL and the headers say who calls; leave one out",
    );
  }
  headers.set("authorization", authorization);
  return headers;
}
