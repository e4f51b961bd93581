import { Capacity, type Share } from "../../_capacity.ts";
import { HTTPError } from "../../http/http_error.ts";
import {
  completeCallLimits,
  type XMLRPCCallLimits,
} from "../xmlrpc_call_limits.ts";

/** From how many bytes on a call or an answer counts. */
export const LARGE: number = 64 * 1024;

/** A handler class, as far as its calls are limited. */
export interface LimitedClass {
  readonly callLimits: Partial<XMLRPCCallLimits>;
}

/**
 * The room of all calls of one handler class. There are two, so that those who
 * hold some of the second never wait for the first.
 */
export class CallRoom {
  readonly limits: XMLRPCCallLimits;
  /** Bytes of calls that are arriving, and of those that wait. */
  readonly arriving: Capacity;
  /** Bytes of calls that are being answered, and of answers. */
  readonly answering: Capacity;

  /** @param limits What there is of it. */
  constructor(limits: XMLRPCCallLimits) {
    this.limits = limits;
    this.arriving = new Capacity(limits.maxHeldBytes);
    this.answering = new Capacity(limits.maxHeldBytes);
  }

  /**
   * Takes what an answer holds until its client has taken it.
   *
   * @throws {HTTPError} If there is no room: an answer that waited would hold
   * it all the same.
   */
  takeForAnswer(length: number): Share {
    const share = this.answering.share();
    if (length >= LARGE && !share.tryResize(length)) throw busy();
    return share;
  }
}

const rooms = new WeakMap<LimitedClass, CallRoom>();

/**
 * The room of a handler class.
 *
 * @throws {RangeError} If one of its limits is out of range.
 * @throws {TypeError} If one has an unknown name.
 */
export function roomOf(Handler: LimitedClass): CallRoom {
  let room = rooms.get(Handler);
  if (room === undefined) {
    room = new CallRoom(completeCallLimits(Handler.callLimits));
    rooms.set(Handler, room);
  }
  return room;
}

/** What a client is answered that should come again later. */
export function busy(cause?: unknown): HTTPError {
  return new HTTPError(503, "Too many large calls at once", {
    cause,
    headers: { "Retry-After": "1" },
  });
}
