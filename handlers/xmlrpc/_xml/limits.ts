import type { XMLRPCOptions } from "../xmlrpc_values.ts";

/** `XMLRPCOptions` with every option decided. */
export type Limits = Required<XMLRPCOptions>;

const DEFAULT_MAX_DEPTH = 2048;

/**
 * Decides the options that were left open.
 *
 * @throws {RangeError} If `maxDepth` is not a positive integer.
 */
export function limitsOf(options: XMLRPCOptions = {}): Limits {
  const { allowNil = false, maxDepth = DEFAULT_MAX_DEPTH } = options;
  if (!Number.isInteger(maxDepth) || maxDepth < 1) {
    throw new RangeError(
      `Cannot use maxDepth: it must be a positive integer, received ${maxDepth}`,
    );
  }
  return { allowNil, maxDepth };
}
