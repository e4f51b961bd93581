import { STATUS_CODES } from "node:http";
import { checkKeys } from "../_known_keys.ts";
import { headerLine } from "./_connection/head.ts";

/** Options of an {@linkcode HTTPError}. */
export interface HTTPErrorOptions extends ErrorOptions {
  /** Headers that the response has beside those that every error has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An error that is answered with a status of its own. A handler that throws one
 * before it has sent anything answers the request with it.
 *
 * @example Answering that nothing is there
 * ```ts
 * import { FetchRequestHandler, HTTPError } from "@wire/socketserver/http";
 *
 * class Users extends FetchRequestHandler {
 *   override fetch(request: Request): Response {
 *     if (!request.url.endsWith("/users/1")) throw new HTTPError(404);
 *     return Response.json({ name: "Ada" });
 *   }
 * }
 * ```
 */
export class HTTPError extends Error {
  /** The status, 400 to 599. */
  readonly status: number;
  /** Headers that the response has beside those that every error has. */
  readonly headers: Readonly<Record<string, string>>;

  /**
   * Constructs a new instance.
   *
   * @param status The status, 400 to 599.
   * @param message What the client is told; by default the status's own phrase.
   * @param options Headers and the cause.
   * @throws {RangeError} If the status is none of an error.
   * @throws {TypeError} If a header's name is no token, or its value holds a
   * line ending or another control character, or an option has an unknown name.
   */
  constructor(
    status: number,
    message: string = STATUS_CODES[status] ?? "Error",
    options: HTTPErrorOptions = {},
  ) {
    if (!(Number.isInteger(status) && status >= 400 && status <= 599)) {
      throw new RangeError(
        `Cannot make an HTTP error of status ${status}: it must be an integer from 400 to 599`,
      );
    }
    checkKeys(
      "option",
      options,
      ["headers", "cause"],
      undefined,
      "make an HTTP error",
    );
    const { headers = {} } = options;
    for (const [name, value] of Object.entries(headers)) {
      // Refused here, and not where nobody can tell any more whose it was.
      headerLine(name, value);
    }
    super(message, options);
    this.name = "HTTPError";
    this.status = status;
    this.headers = headers;
  }
}
