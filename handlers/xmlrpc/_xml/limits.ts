import { checkKeys } from "../../_known_keys.ts";
import { checkBoolean } from "../../_settings.ts";
import type { XMLRPCOptions } from "../xmlrpc_values.ts";

/** `XMLRPCOptions` with every option decided. */
export type Limits = Required<XMLRPCOptions>;

const DEFAULTS: Limits = {
  allowNil: false,
  maxDepth: 2048,
  maxSize: 4 * 1024 * 1024,
  maxValues: 100_000,
};

/** The names of those options. */
export const LIMIT_NAMES: readonly string[] = Object.keys(DEFAULTS);

/**
 * Decides the options of a call that has no others.
 *
 * @throws {RangeError} If a limit is not a positive integer. All but `maxDepth`
 * may also be `Infinity`.
 * @throws {TypeError} If an option has an unknown name, or `allowNil` is neither
 * true nor false.
 */
export function onlyLimitsOf(
  options: XMLRPCOptions = {},
  action: string,
): Limits {
  checkKeys("option", options, LIMIT_NAMES, undefined, action);
  return limitsOf(options);
}

/**
 * Decides the options that were left open.
 *
 * @throws {RangeError} If a limit is not a positive integer. All but `maxDepth`
 * may also be `Infinity`.
 * @throws {TypeError} If `allowNil` is neither true nor false.
 */
export function limitsOf(options: XMLRPCOptions = {}): Limits {
  const {
    allowNil = DEFAULTS.allowNil,
    maxDepth = DEFAULTS.maxDepth,
    maxSize = DEFAULTS.maxSize,
    maxValues = DEFAULTS.maxValues,
  } = options;
  checkBoolean("use XML-RPC", "allowNil", allowNil);
  checkLimit("maxDepth", maxDepth, false);
  checkLimit("maxSize", maxSize);
  checkLimit("maxValues", maxValues);
  return { allowNil, maxDepth, maxSize, maxValues };
}

/**
 * Checks one limit.
 *
 * @throws {RangeError} If it is not a positive integer, nor `Infinity` where
 * that is possible.
 */
export function checkLimit(
  name: string,
  value: number,
  mayBeInfinite = true,
): void {
  if (Number.isInteger(value) && value >= 1) return;
  if (mayBeInfinite && value === Infinity) return;
  throw new RangeError(
    `Cannot use ${name}: it must be a positive integer${
      mayBeInfinite ? " or Infinity" : ""
    }, received ${Deno.inspect(value)}`,
  );
}
