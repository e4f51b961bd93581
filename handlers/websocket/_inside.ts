/**
 * The names of what a socket is told by what has made it, which are no methods for
 * everybody.
 *
 * @module
 */

/** Gives a socket its connection. */
export const BEGIN: unique symbol = Symbol("begin");
/** Tells a socket that it gets none. */
export const FAIL: unique symbol = Symbol("fail");
