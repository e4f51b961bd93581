import { Capacity, type Share } from "../../_capacity.ts";
import { checkNumber } from "../../_settings.ts";
import { HTTPError } from "../http_error.ts";

/** A handler class, as far as its scripts are limited. */
export interface ScriptLimits {
  readonly maxScripts: number;
  readonly cgiQueueTimeout: number;
  readonly maxSpooledBody: number;
}

/** The room for the scripts of one handler class, in this thread. */
export class ScriptRoom {
  readonly #places: Capacity;
  readonly #spool: Capacity;
  readonly #timeout: number;

  /** @throws {RangeError} If a limit is out of range. */
  constructor({ maxScripts, cgiQueueTimeout, maxSpooledBody }: ScriptLimits) {
    const action = "run CGI scripts";
    checkNumber(action, "maxScripts", maxScripts, 1);
    checkNumber(action, "cgiQueueTimeout", cgiQueueTimeout, 0);
    checkNumber(action, "maxSpooledBody", maxSpooledBody, 0);
    this.#places = new Capacity(maxScripts);
    this.#spool = new Capacity(maxScripts * maxSpooledBody);
    this.#timeout = cgiQueueTimeout;
  }

  /** How many scripts are waited for. */
  get waiting(): number {
    return this.#places.waiting;
  }

  /** How many bytes the bodies hold that are collected for scripts. */
  get spooled(): number {
    return this.#spool.taken;
  }

  /** What one such body holds, which is nothing at first. */
  spool(): Share {
    return this.#spool.share();
  }

  /**
   * Waits until one more script may run.
   *
   * @param signal Gives what ends the wait: the client is gone.
   * @throws {HTTPError} If that takes too long.
   * @throws The signal's reason, if it aborts.
   */
  async place(signal: () => AbortSignal): Promise<Share> {
    try {
      return await this.#places.take(1, { timeout: this.#timeout, signal });
    } catch (error) {
      if ((error as Error | null)?.name === "TimeoutError") throw busy(error);
      throw error;
    }
  }
}

const rooms = new WeakMap<ScriptLimits, ScriptRoom>();

/**
 * The room of a handler class.
 *
 * @throws {RangeError} If one of its limits is out of range.
 */
export function scriptRoomOf(Handler: ScriptLimits): ScriptRoom {
  let room = rooms.get(Handler);
  if (room === undefined) {
    room = new ScriptRoom(Handler);
    rooms.set(Handler, room);
  }
  return room;
}

/** What a client is answered that should come again later. */
export function busy(cause?: unknown): HTTPError {
  return new HTTPError(503, "Too many scripts at once", {
    cause,
    headers: { "Retry-After": "1" },
  });
}
