import { checkKeys } from "../../_known_keys.ts";
import { checkBoolean, wrong } from "../../_settings.ts";
import { ZlibStream } from "./zlib.ts";

/**
 * How messages are compressed, where the client offers that: the extension
 * permessage-deflate, RFC 7692.
 *
 * A connection whose messages may refer to earlier ones takes some 160 to 230 KiB
 * for those it sends, and 10 KiB and the window for those it receives.
 */
export interface DeflateOptions {
  /**
   * The least that is compressed, in bytes. Short messages hardly become shorter.
   *
   * @default {1024}
   */
  readonly threshold?: number;
  /**
   * How hard compressing tries, from 1, the fastest, to 9.
   *
   * @default {6}
   */
  readonly level?: number;
  /**
   * Whether each message that is sent stands for itself, which takes no memory
   * between messages, and compresses less.
   *
   * @default {false}
   */
  readonly serverNoContextTakeover?: boolean;
  /**
   * Whether each message of the client's is to stand for itself.
   *
   * @default {false}
   */
  readonly clientNoContextTakeover?: boolean;
  /**
   * How far back messages that are sent refer: 2 to this power bytes, 9 to 15. A
   * client may ask for less, and the offer of one that asks for 8 is declined:
   * zlib has no such window.
   *
   * @default {15}
   */
  readonly serverMaxWindowBits?: number;
  /**
   * How far back messages of the client may refer, 8 to 15, where it lets that be
   * told.
   *
   * @default {15}
   */
  readonly clientMaxWindowBits?: number;
}

/** All of them. */
export type CompleteDeflateOptions = Required<DeflateOptions>;

const DEFAULTS: CompleteDeflateOptions = {
  threshold: 1024,
  level: 6,
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

/**
 * Adds the defaults.
 *
 * @param action What fails otherwise.
 * @throws {Deno.errors.NotSupported} If this version of Deno cannot do it.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If one is of another type, or has an unknown name.
 */
export function completeDeflateOptions(
  action: string,
  given: boolean | DeflateOptions,
): CompleteDeflateOptions | undefined {
  if (given === false) return undefined;
  if (given !== true && (typeof given !== "object" || given === null)) {
    throw wrong(action, "deflate", "true, false or an object", given);
  }
  const options = given === true ? DEFAULTS : { ...DEFAULTS, ...given };
  checkKeys("option", options, Object.keys(DEFAULTS), undefined, action);
  checkInteger(action, "threshold", options.threshold, 0, Infinity);
  checkInteger(action, "level", options.level, 1, 9);
  for (const name of ["serverMaxWindowBits", "clientMaxWindowBits"] as const) {
    const least = name === "serverMaxWindowBits" ? 9 : 8;
    checkInteger(action, name, options[name], least, 15);
  }
  for (
    const name of [
      "serverNoContextTakeover",
      "clientNoContextTakeover",
    ] as const
  ) checkBoolean(action, name, options[name]);
  // Where there are no such streams, this is the moment to say so.
  new ZlibStream("inflate", 15, 0).close();
  return options;
}

/** @throws {RangeError} If it is no integer of that range. */
export function checkInteger(
  action: string,
  name: string,
  value: unknown,
  least: number,
  most: number,
): void {
  const isInteger = Number.isInteger(value) || value === most;
  if (isInteger && Number(value) >= least && Number(value) <= most) return;
  throw new RangeError(
    `Cannot ${action}: ${name} must be an integer ${
      most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
    }, received ${Deno.inspect(value)}`,
  );
}
