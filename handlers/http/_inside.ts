/**
 * The names of what handler classes of this module use of their base, which are
 * no members for everybody.
 *
 * @module
 */

/** The connection of a handler. */
export const CONNECTION: unique symbol = Symbol("connection");
/** Whether the code that answers a request may have the handler. */
export const IN_REACH: unique symbol = Symbol("in reach");
/** The request that a handler is serving. */
export const INCOMING: unique symbol = Symbol("incoming");
/** What belongs to that request, and ends with it. */
export const SCOPE: unique symbol = Symbol("scope");
/** The status of the response that was begun; 0 if none was. */
export const STATUS: unique symbol = Symbol("status");
/** Has a whole response sent. */
export const SEND_WHOLE: unique symbol = Symbol("send whole");
/** Sends bytes at once: a whole response, or its beginning. */
export const WRITE_RAW: unique symbol = Symbol("write raw");
/** Takes the connection over from HTTP. */
export const TAKE_OVER: unique symbol = Symbol("take over");
/** Whether that has been done. */
export const TAKEN: unique symbol = Symbol("taken");
/** What notes the request for the access log, if there is one. */
export const ENTRY: unique symbol = Symbol("entry");
