import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import { checkTime } from "../_core/options.ts";
import { seamOf } from "../_core/seam.ts";

/**
 * Who measures how long a request takes. A handler of HTTP serves many requests
 * of one connection and measures each by itself. The server, which knows only
 * connections, must not measure beside it.
 *
 * Handlers that run elsewhere are not told of the server's option, and are
 * measured by the server: a connection's time is then a request's.
 *
 * @param handler The server's handler.
 * @param options Its options.
 * @returns What the handler measures, in milliseconds, and the options without
 * it.
 * @throws {RangeError} If `requestTimeout` is not a non-negative number.
 */
export function requestTime<
  Options extends { readonly requestTimeout?: number },
>(
  handler: unknown,
  options: Options,
): [requestTimeout: number, options: Options] {
  const { requestTimeout } = options;
  if (requestTimeout === undefined) return [Infinity, options];
  checkTime("requestTimeout", requestTimeout);
  const measures = typeof handler === "function" &&
    (handler.prototype instanceof BaseHTTPRequestHandler ||
      handler === BaseHTTPRequestHandler);
  if (!measures || seamOf(options).runner !== undefined) {
    return [Infinity, options];
  }
  return [requestTimeout, { ...options, requestTimeout: Infinity }];
}
