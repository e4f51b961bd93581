import { checkKeys } from "../_known_keys.ts";
import { checkLimit } from "./_xml/limits.ts";

/**
 * What large calls may cost a handler class in each thread and process that it
 * runs in. A call is large from 64 KiB on, as it came or decompressed, and an
 * answer likewise. Small ones count for nothing here, and never wait for large
 * ones.
 */
export interface XMLRPCCallLimits {
  /**
   * How many times as long as it came a call may be when it is decompressed, if
   * that is more than 1 MiB. Past it the answer is 413. `Infinity` sets no limit
   * but that of `maxBodySize`.
   *
   * @default {100}
   */
  readonly maxInflation: number;
  /**
   * How many bytes may be held for large calls: those that are arriving; and
   * beside them as many again for those being answered, decompressed, and for
   * answers that clients have not taken yet. To read a call takes up to some
   * four times its bytes. What arrives beyond it is answered with 503; what has
   * arrived waits for `maxWait`.
   *
   * @default {67108864}
   */
  readonly maxHeldBytes: number;
  /**
   * How long a large call that has arrived may wait for others to be answered,
   * in milliseconds. Past it the answer is 503.
   *
   * @default {10000}
   */
  readonly maxWait: number;
}

const DEFAULTS: XMLRPCCallLimits = {
  maxInflation: 100,
  maxHeldBytes: 64 * 1024 * 1024,
  maxWait: 10_000,
};

/**
 * Adds the defaults to the limits of a handler class.
 *
 * @param limits Those it sets.
 * @returns All of them.
 * @throws {RangeError} If one is not a positive integer nor `Infinity`.
 * @throws {TypeError} If one has an unknown name.
 * @ignore
 */
export function completeCallLimits(
  limits: Partial<XMLRPCCallLimits> = {},
): XMLRPCCallLimits {
  checkKeys(
    "limit",
    limits,
    Object.keys(DEFAULTS),
    undefined,
    "limit calls",
  );
  for (const [name, value] of Object.entries(limits)) checkLimit(name, value);
  return { ...DEFAULTS, ...limits };
}
