import { checkKeys } from "../_known_keys.ts";
import { checkNumber, checkTexts, wrong } from "../_settings.ts";
import { TOKEN } from "../http/_connection/head.ts";
import {
  checkInteger,
  type CompleteDeflateOptions,
  completeDeflateOptions,
  type DeflateOptions,
} from "./_deflate/options.ts";

export type { DeflateOptions };

/** Options of {@linkcode upgradeWebSocket}. Give the same object each time: it is checked once. */
export interface UpgradeWebSocketOptions {
  /**
   * The subprotocols that the server speaks, the one it likes best first. The first
   * that the client offers is taken; where it offers none of them, none is.
   *
   * @default {[]}
   */
  readonly protocols?: readonly string[];
  /**
   * The origins whose pages may connect: `["https://example.org"]`. A request of
   * another is answered with 403. Browsers let every page connect to every server,
   * with the user's cookies (RFC 6455, section 10.2). Clients that are no browsers
   * send no origin, and are not asked for one. Left out, all may.
   */
  readonly origins?: readonly string[];
  /** Headers that the response has beside its own. */
  readonly headers?: HeadersInit;
  /**
   * Whether messages are compressed for clients that offer it, or how:
   * permessage-deflate, RFC 7692.
   *
   * @default {false}
   */
  readonly deflate?: boolean | DeflateOptions;
  /**
   * How large a message of the client's may be, in bytes, inflated. One that is
   * larger fails the connection, with 1009, as soon as that is known.
   *
   * @default {1048576}
   */
  readonly maxMessageSize?: number;
  /**
   * How large one frame may be, in bytes. By default only messages are limited.
   *
   * @default {Infinity}
   */
  readonly maxFrameSize?: number;
  /**
   * How much may wait to be sent, in bytes. A message that comes on top of so much
   * is not sent, and the connection fails, since it would be missing. Whoever awaits
   * `send()` comes never near.
   *
   * @default {16777216}
   */
  readonly maxBufferedAmount?: number;
  /**
   * How long a client may be silent, in milliseconds, or up to half as long again.
   * Before that it is sent a ping, which it must answer; one that has not is given up.
   *
   * @default {120000}
   */
  readonly idleTimeout?: number;
  /**
   * How long a client may take to answer a close, in milliseconds. After that the
   * connection is closed without its answer.
   *
   * @default {10000}
   */
  readonly closeTimeout?: number;
}

/** All of them, as they are used. */
export interface CompleteUpgradeOptions {
  readonly protocols: readonly string[];
  readonly origins: readonly string[] | undefined;
  readonly headers: HeadersInit | undefined;
  readonly deflate: CompleteDeflateOptions | undefined;
  readonly maxMessageSize: number;
  readonly maxFrameSize: number;
  readonly maxBufferedAmount: number;
  readonly idleTimeout: number;
  readonly closeTimeout: number;
}

const ACTION = "upgrade to WebSocket";

const NAMES = Object.keys(
  {
    protocols: true,
    origins: true,
    headers: true,
    deflate: true,
    maxMessageSize: true,
    maxFrameSize: true,
    maxBufferedAmount: true,
    idleTimeout: true,
    closeTimeout: true,
  } satisfies Record<keyof UpgradeWebSocketOptions, true>,
);

/** The largest message whose text a string can hold, in bytes. */
const MOST_OF_MESSAGE = 0x1fff_ffe8;

/** What has been made of options, which are checked once. */
const known = new WeakMap<UpgradeWebSocketOptions, CompleteUpgradeOptions>();

/**
 * Checks options and adds the defaults.
 *
 * @throws {Deno.errors.NotSupported} If this version of Deno cannot compress.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If one is of another type, or has an unknown name.
 */
export function completeUpgradeOptions(
  given: UpgradeWebSocketOptions,
): CompleteUpgradeOptions {
  let options = known.get(given);
  if (options !== undefined) return options;
  checkKeys("option", given, NAMES, undefined, ACTION);
  const {
    protocols = [],
    origins,
    headers,
    deflate = false,
    maxMessageSize = 1024 * 1024,
    maxFrameSize = Infinity,
    maxBufferedAmount = 16 * 1024 * 1024,
    idleTimeout = 120_000,
    closeTimeout = 10_000,
  } = given;
  checkTexts(ACTION, "protocols", protocols);
  for (const protocol of protocols) {
    if (!TOKEN.test(protocol)) {
      throw wrong(ACTION, "protocols", "tokens of HTTP", protocol);
    }
  }
  if (origins !== undefined) checkTexts(ACTION, "origins", origins);
  checkInteger(ACTION, "maxMessageSize", maxMessageSize, 0, MOST_OF_MESSAGE);
  checkInteger(ACTION, "maxFrameSize", maxFrameSize, 0, Infinity);
  checkNumber(ACTION, "maxBufferedAmount", maxBufferedAmount, 0);
  checkNumber(ACTION, "idleTimeout", idleTimeout, 1);
  checkNumber(ACTION, "closeTimeout", closeTimeout, 1);
  options = {
    protocols,
    origins,
    headers,
    deflate: completeDeflateOptions(ACTION, deflate),
    maxMessageSize,
    maxFrameSize,
    maxBufferedAmount,
    idleTimeout,
    closeTimeout,
  };
  known.set(given, options);
  return options;
}
