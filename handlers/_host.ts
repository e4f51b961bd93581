import type { Traffic } from "./_traffic.ts";
import type { Unsent } from "./_unsent.ts";

/** The name of the method by which a handler is run. */
export const RUN: unique symbol = Symbol("run");
/** The name of the method that tells a handler that its request is over. */
export const ABORT: unique symbol = Symbol("abort");
/** The name of the method that says how a handler's connection is to be closed. */
export const CLOSING: unique symbol = Symbol("closing");
/** The name of the property that says what a handler has left to be sent. */
export const UNSENT: unique symbol = Symbol("unsent");
/** The name of the method by which a handler sends what it left to be sent. */
export const SETTLE: unique symbol = Symbol("settle");
/** The name of the method that tells a handler that its connection has failed. */
export const FAIL: unique symbol = Symbol("fail");

/** The name of the method by which a server is told of an error. */
export const REPORT: unique symbol = Symbol("report");

/** The name of the static property that says what a handler class serves. */
export const SERVES: unique symbol = Symbol("serves");

/** What a handler class serves, unless it may be either. */
export type Served = "connections" | "datagrams" | undefined;

/**
 * How a connection is closed whose handler has ended.
 *
 * - `"linger"`: its peer may not have taken the reply yet, and may still send.
 * - `"at once"`: the peer has ended its side, so nothing of it can undo the reply.
 * - `"reset"`: the reply is known to be cut short, which its end must not hide.
 * - `"reset while read"`: the same, where something still uses it.
 */
export type Closing = "linger" | "at once" | "reset" | "reset while read";

/** The one that runs a handler: a request of a server, or the far side of one. */
export interface HandlerHost {
  /** Is told that the handler has ended, and that its last bytes are being sent. */
  settling(unsent: Unsent): void;
  /** Ends the request: its connection has failed. */
  abort(reason: unknown): void;
  /** Where its bytes are counted; nowhere where its connection counts them. */
  readonly traffic?: Traffic | undefined;
}
