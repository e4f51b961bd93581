/**
 * The names of what a request's handler does with its streams, which are no
 * methods for everybody.
 *
 * @module
 */

/** Says which request a stream belongs to. */
export const OWN: unique symbol = Symbol("own");
/** Ends a reader with its request: the read that waits fails, as later ones do. */
export const LEAVE: unique symbol = Symbol("leave");
/** Gives what a reader reads from to another, and has it refuse to read. */
export const HAND_ON: unique symbol = Symbol("hand on");
/** Whether a reader has got all that its peer has sent, and will send. */
export const ENDED: unique symbol = Symbol("ended");
/** Has a reader read ahead, to see a reset. */
export const WATCH: unique symbol = Symbol("watch");
/** Whether the source of a reader has been asked and has not answered yet. */
export const FILLING: unique symbol = Symbol("filling");
/** Ends a writer with its request: it flushes, and refuses later writes. */
export const END: unique symbol = Symbol("end");
/** Whether a writer's end must not look like that of a whole reply. */
export const CUT_SHORT: unique symbol = Symbol("cut short");
/** Says that a writer's sink keeps no bytes that it was given. */
export const LEND_TEXTS: unique symbol = Symbol("lend texts");
/** How many bytes a reader has got that nobody has taken. */
export const BUFFERED: unique symbol = Symbol("buffered");
/** Has a sink take a text as it is, if it does: then it is not made bytes of. */
export const TAKE_TEXT: unique symbol = Symbol("take text");
