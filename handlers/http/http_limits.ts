import { checkKeys } from "../_known_keys.ts";

/** What a client may ask of an HTTP handler. */
export interface HTTPLimits {
  /**
   * How large the request line and headers may be together, in bytes. Past it
   * the answer is 431.
   *
   * @default {16384}
   */
  readonly maxHeaderSize: number;
  /**
   * How many headers there may be. Past it the answer is 431.
   *
   * @default {100}
   */
  readonly maxHeaderCount: number;
  /**
   * How large a body may be, in bytes, decoded. Past it the answer is 413.
   *
   * @default {134217728}
   */
  readonly maxBodySize: number;
  /**
   * How long request line and headers may take to arrive from their first byte
   * on, and the first byte of a connection, in milliseconds. Past it the answer
   * is 408.
   *
   * @default {60000}
   */
  readonly headersTimeout: number;
  /**
   * How long a handler may be kept waiting for the bytes of one body, all in
   * all, in milliseconds. Past it the answer is 408.
   *
   * @default {300000}
   */
  readonly bodyTimeout: number;
  /**
   * How long a client may take nothing of what it is sent, in milliseconds.
   * Past it the connection is closed.
   *
   * @default {60000}
   */
  readonly writeTimeout: number;
  /**
   * How long a connection may stay without a request, in milliseconds. 0 closes
   * each after its first.
   *
   * @default {5000}
   */
  readonly keepAliveTimeout: number;
  /**
   * How long a request may take, from its headers to the end of its response, in
   * milliseconds. Past it its signal is aborted, the answer is 503 if nothing
   * was sent, and the connection is closed. The `requestTimeout` of a server
   * whose handlers run beside it means the same; the shorter counts.
   *
   * @default {Infinity}
   */
  readonly requestTimeout: number;
  /**
   * How long a shutdown waits for the first request of a connection on which
   * none has come, in milliseconds, and at most half of the grace period: its
   * client has been told that it is connected. Connections that have had a
   * request are not waited for; what they have sent before the shutdown is
   * answered.
   *
   * @default {1000}
   */
  readonly drainTimeout: number;
}

/** The limits of a handler that sets none. */
export const DEFAULT_HTTP_LIMITS: HTTPLimits = {
  maxHeaderSize: 16 * 1024,
  maxHeaderCount: 100,
  maxBodySize: 128 * 1024 * 1024,
  headersTimeout: 60_000,
  bodyTimeout: 300_000,
  writeTimeout: 60_000,
  keepAliveTimeout: 5_000,
  requestTimeout: Infinity,
  drainTimeout: 1_000,
};

/**
 * Adds the defaults to the limits of a handler.
 *
 * @param limits Those it sets.
 * @returns All of them.
 * @throws {RangeError} If one is not a number that is large enough.
 * @throws {TypeError} If one has an unknown name.
 * @ignore
 */
export function completeHTTPLimits(limits: Partial<HTTPLimits>): HTTPLimits {
  checkKeys(
    "limit",
    limits,
    Object.keys(DEFAULT_HTTP_LIMITS),
    undefined,
    "limit HTTP requests",
  );
  for (const [name, value] of Object.entries(limits)) {
    const least = name === "maxHeaderSize" ? 1 : 0;
    if (typeof value !== "number" || !(value >= least)) {
      throw new RangeError(
        `Cannot limit HTTP requests: ${name} must be a number of at least ${least}, received ${
          Deno.inspect(value)
        }`,
      );
    }
  }
  return { ...DEFAULT_HTTP_LIMITS, ...limits };
}
