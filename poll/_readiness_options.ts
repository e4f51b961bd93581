import { describe, INT_MAX, integer } from "./_check.ts";
import { checkOptions, nearest } from "./_options.ts";
import type { ReadinessConnection } from "./readiness_connection.ts";
import { ACTION } from "./_shared_listener.ts";

/** What is called when something happens to a connection. */
export interface ReadinessHandlers {
  /**
   * A connection was accepted.
   *
   * @param connection The connection.
   */
  opened?(connection: ReadinessConnection): void;
  /**
   * Bytes have come. They are in a buffer that all connections share: copy what
   * has to last longer than the call.
   *
   * @param connection Where they came.
   * @param bytes The bytes.
   */
  data(connection: ReadinessConnection, bytes: Uint8Array<ArrayBuffer>): void;
  /**
   * The peer has ended its side, and may still read. With this handler the
   * connection stays open until `end` or `close` is called, here or later. A
   * peer that has closed its whole connection looks the same over TCP, until
   * something is sent to it.
   *
   * Without it the connection is closed at once if something was sent since the
   * last bytes came. Otherwise an answer may be under way: it is closed when
   * nothing was sent for `halfClosedTimeout`.
   *
   * @param connection The connection.
   */
  ended?(connection: ReadinessConnection): void;
  /**
   * All that waited has been sent.
   *
   * @param connection Where it was sent.
   */
  drained?(connection: ReadinessConnection): void;
  /**
   * It is closed. What this throws goes to `console.error`: nothing is left to close.
   *
   * @param connection The connection.
   * @param error The reason, if that was an error, a handler's included.
   */
  closed?(connection: ReadinessConnection, error?: Error): void;
}

/** Options of a {@linkcode ReadinessServer}. */
export interface ReadinessServerOptions {
  /**
   * How many connections may wait to be accepted; the system caps it.
   *
   * @default {SOMAXCONN}
   */
  readonly backlog?: number;
  /**
   * How many connections are open at most; the others wait in the backlog.
   *
   * @default {16_384}
   */
  readonly maxConnections?: number;
  /**
   * How many bytes may wait to be sent on a connection before it is no longer
   * read from.
   *
   * @default {1_048_576}
   */
  readonly maxBuffered?: number;
  /**
   * The most that one call receives, in bytes.
   *
   * @default {65_536}
   */
  readonly bufferSize?: number;
  /**
   * How long a connection whose peer has ended its side waits for an answer, and
   * after one for the next, in milliseconds; see
   * {@linkcode ReadinessHandlers.ended}. At `maxConnections`, and where
   * descriptors are short, the oldest of them gives its place to a new one.
   *
   * @default {5_000}
   */
  readonly halfClosedTimeout?: number;
}

const OPTIONS = [
  ...["backlog", "maxConnections", "maxBuffered", "bufferSize"],
  "halfClosedTimeout",
];
const GENERATORS = [
  "[object GeneratorFunction]",
  "[object AsyncGeneratorFunction]",
];
const HANDLERS = ["opened", "data", "ended", "drained", "closed"] as const;

/** @throws {TypeError | RangeError} If there is another option, or one out of range. */
export function checkReadinessOptions(options: ReadinessServerOptions) {
  checkOptions(options, OPTIONS, ACTION);
  return {
    maxConnections: integer(
      options.maxConnections ?? 16_384,
      "a number of connections",
      1,
      1 << 24,
    ),
    bufferSize: integer(
      options.bufferSize ?? 64 * 1024,
      "a buffer's size",
      1,
      1 << 30,
    ),
    maxBuffered: integer(
      options.maxBuffered ?? 1 << 20,
      "a number of bytes",
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    halfClosedTimeout: integer(
      options.halfClosedTimeout ?? 5_000,
      "a timeout",
      0,
      INT_MAX,
    ),
    backlog: options.backlog,
  };
}

/** @throws {TypeError} If a handler is missing, none, or called by nobody. */
export function checkHandlers(handlers: ReadinessHandlers): void {
  if (typeof handlers !== "object" || handlers === null) {
    throw new TypeError(
      `Cannot ${ACTION} with ${
        describe(handlers)
      } as handlers: they must be an object with a method data()`,
    );
  }
  for (const name of HANDLERS) {
    const handler: unknown = handlers[name];
    if (GENERATORS.includes(Object.prototype.toString.call(handler))) {
      throw new TypeError(
        `Cannot ${ACTION} with a generator function as the handler ${name}(): it does not run when it is called`,
      );
    }
    if (typeof handler === "function") continue;
    if (handler === undefined && name !== "data") continue;
    throw new TypeError(
      `Cannot ${ACTION} with ${
        describe(handler)
      } as the handler ${name}(): it must be a function`,
    );
  }
  // The handlers may keep whatever they like beside, but for what nobody calls.
  for (const [name, value] of Object.entries(handlers)) {
    const meant = nearest(name, HANDLERS);
    if (typeof value !== "function" || meant === undefined) continue;
    if ((HANDLERS as readonly string[]).includes(name)) continue;
    throw new TypeError(
      `Cannot ${ACTION} with the handler ${name}(): nobody calls it, did you mean ${meant}()?`,
    );
  }
}
