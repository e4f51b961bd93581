import { wrong } from "../../_settings.ts";
import { headerLine } from "../_connection/head.ts";

/** Headers that a handler class adds to what it serves. */
export type ExtraHeaders = readonly (readonly [name: string, value: string])[];

/** What the server says itself of a file or a listing, in lower case. */
const OWN = new Set([
  "accept-ranges",
  "connection",
  "content-length",
  "content-range",
  "content-type",
  "date",
  "etag",
  "last-modified",
  "server",
  "transfer-encoding",
]);

/**
 * Checks the headers that a handler class adds.
 *
 * @throws {TypeError} If they are none, or the server's own.
 */
export function checkExtraHeaders(headers: unknown): void {
  const action = "serve files";
  const name = "extraResponseHeaders";
  if (!Array.isArray(headers)) {
    throw wrong(action, name, "an array of names and values", headers);
  }
  for (const header of headers) {
    const [field, value, ...others] = Array.isArray(header) ? header : [];
    if (
      typeof field !== "string" || typeof value !== "string" ||
      others.length > 0
    ) {
      throw wrong(action, name, "an array of names and values", headers);
    }
    headerLine(field, value);
    if (OWN.has(field.toLowerCase())) {
      throw new TypeError(
        `Cannot ${action}: ${name} has "${field}", which the server sends itself`,
      );
    }
  }
}
