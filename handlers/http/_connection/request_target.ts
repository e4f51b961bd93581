import { HTTPError } from "../http_error.ts";

/**
 * A host and perhaps a port: RFC 3986, section 3.2.2, without user info, which
 * RFC 9110, section 4.2.4, wants refused where it is not expected.
 */
const AUTHORITY = /^(?:\[[0-9a-f:.]+\]|[-\w.~!$&'()*+,;=%]+)(?::(\d*))?$/i;
/** The absolute form, RFC 9112, section 3.2.2. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

const HIGHEST_PORT = 65_535;

/** The authority that was found to be one last: a client names the same again. */
let lastAuthority = "";

/**
 * Whether text names a host, and perhaps a port, that a URL of HTTP can have.
 *
 * @param text What a client sent. Each character is a byte.
 */
export function isAuthority(text: string): boolean {
  if (text === lastAuthority && text !== "") return true;
  const [found, port = ""] = AUTHORITY.exec(text) ?? [];
  if (found === undefined || Number(port) > HIGHEST_PORT) return false;
  // A `Request` could not be made of others, and every handler refuses the same.
  if (!URL.canParse(`http://${text}/`)) return false;
  lastAuthority = text;
  return true;
}

/**
 * Checks the target of a request, which has one of four forms: RFC 9112, section
 * 3.2.
 *
 * @param method The request's method.
 * @param target The target, as it was sent.
 * @returns The host and port that an absolute URL names, which then count
 * instead of `Host`.
 * @throws {HTTPError} If the target has none of the forms that the method may
 * have, or is not for HTTP.
 */
export function checkTarget(
  method: string,
  target: string,
): string | undefined {
  if (target.includes("#")) {
    throw new HTTPError(400, "The request's target has a fragment");
  }
  if (method === "CONNECT") {
    // RFC 9110, section 9.3.6: it must name a port.
    if (isAuthority(target) && /:0*[1-9]\d*$/.test(target)) return undefined;
    throw new HTTPError(400, "The request's target is no host and port");
  }
  if (target.startsWith("/")) return undefined;
  if (target === "*") {
    if (method === "OPTIONS") return undefined;
    throw new HTTPError(400, `The target of ${method} cannot be *`);
  }
  const [, authority] = ABSOLUTE.exec(target) ?? [];
  if (authority === undefined) {
    throw new HTTPError(
      400,
      "The request's target is neither a path nor a URL of http or https",
    );
  }
  if (!isAuthority(authority)) {
    throw new HTTPError(400, "The request's target names no valid host");
  }
  return authority;
}

/**
 * A target as a path with its query, whatever form it was sent in.
 *
 * @param target A target that was checked; `*` stays.
 */
export function originForm(target: string): string {
  const [origin = ""] = ABSOLUTE.exec(target) ?? [];
  if (origin === "") return target;
  const path = target.slice(origin.length);
  return path.startsWith("/") ? path : `/${path}`;
}
