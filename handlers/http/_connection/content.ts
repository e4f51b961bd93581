/** What a response may have behind its head, and say of it. */
export type Content =
  /** Any content, in any framing. */
  | "any"
  /** None is sent. `Content-Length` is that of GET, if it is known at all. */
  | "described"
  /** There is none, and no length: to 1xx, 204 and 304. */
  | "none"
  /** There is none, which is said by a length of 0: to 205. */
  | "empty"
  /** There is no length: what follows are the bytes of a tunnel. */
  | "tunnel";

/**
 * What a response may have: RFC 9110, sections 8.6, 9.3.2, 9.3.6, 15.2, 15.3.5,
 * 15.3.6 and 15.4.5, and 7.8 of 101, behind which another protocol is spoken.
 *
 * @param method The request's method.
 * @param status The status of the response.
 */
export function contentOf(method: string, status: number): Content {
  if (status === 204 || status === 304) return "none";
  if (status === 101) return "tunnel";
  if (status >= 100 && status < 200) return "none";
  if (status === 205) return "empty";
  if (method === "HEAD") return "described";
  return method === "CONNECT" && status < 300 ? "tunnel" : "any";
}
