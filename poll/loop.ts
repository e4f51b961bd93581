import { wakeLoops } from "./_asleep.ts";
import { describe, integer } from "./_check.ts";
import { type DispatcherMap, socketMap } from "./dispatcher.ts";
import { checkOptions, checkSignal, type WaitOptions } from "./_options.ts";
import { milliseconds } from "./_timeout.ts";
import { Turns } from "./_turns.ts";

/** Options of {@linkcode loopSync}. */
export interface LoopSyncOptions {
  /**
   * The longest wait of a turn, in milliseconds.
   *
   * @default {30_000}
   */
  readonly timeout?: number;
  /**
   * The dispatchers to serve.
   *
   * @default {socketMap}
   */
  readonly map?: DispatcherMap;
  /**
   * Ends after so many turns: each tells those that are ready, or ends with
   * `timeout`, or since dispatchers have changed meanwhile.
   */
  readonly count?: number;
}

/** Options of {@linkcode loop}. */
export interface LoopOptions extends LoopSyncOptions, WaitOptions {}

const TIMEOUT = 30_000;
const SYNC_OPTIONS = ["timeout", "map", "count"];
const OPTIONS = [...SYNC_OPTIONS, "signal"];

/**
 * Serves dispatchers until all are closed, as Python's `asyncore.loop`, on the
 * event loop. Other code runs meanwhile, and may make dispatchers, close them and
 * send with them: the loop sees that at once.
 *
 * @param options See {@linkcode LoopOptions}.
 * @returns A promise that resolves when all are closed, or `count` turns are over.
 * @throws {TypeError} If there is another option.
 * @throws {RangeError} If `count` or `timeout` is none.
 * @throws {unknown} The reason of `signal`, once it is aborted.
 */
export async function loop(options: LoopOptions = {}): Promise<void> {
  const { map, timeout, count } = check(options, OPTIONS);
  const signal = checkSignal(options.signal, "loop");
  using turns = new Turns(map, signal);
  for (let left = count; map.size > 0 && left > 0; left--) {
    await turns.take(timeout);
  }
}

/**
 * As {@linkcode loop}, and blocks the thread: for a Worker, or a program that
 * does nothing else.
 *
 * @param options See {@linkcode LoopSyncOptions}.
 * @throws {TypeError} If there is another option.
 * @throws {RangeError} If `count` or `timeout` is none.
 */
export function loopSync(options: LoopSyncOptions = {}): void {
  const { map, timeout, count } = check(options, SYNC_OPTIONS);
  using turns = new Turns(map);
  for (let left = count; map.size > 0 && left > 0; left--) {
    turns.takeSync(timeout);
  }
}

/**
 * Closes all dispatchers.
 *
 * @param map Which. Default: {@linkcode socketMap}.
 * @throws {AggregateError} What their `close` threw, after all were called.
 */
export function closeAll(map: DispatcherMap = socketMap): void {
  const errors: unknown[] = [];
  for (const dispatcher of [...map.values()]) {
    try {
      dispatcher.close();
    } catch (error) {
      errors.push(error);
    }
  }
  map.clear();
  wakeLoops(map);
  if (errors.length > 0) {
    throw new AggregateError(
      errors,
      `Cannot close all dispatchers: ${errors.length} of them failed`,
    );
  }
}

function check(options: LoopSyncOptions, names: readonly string[]) {
  checkOptions(options, names, "loop");
  const { map = socketMap, timeout = TIMEOUT, count } = options;
  if (!(map instanceof Map)) {
    throw new TypeError(
      `Cannot loop over ${describe(map)}: the option "map" must be a Map`,
    );
  }
  milliseconds(timeout);
  return {
    map,
    timeout,
    count: count === undefined
      ? Infinity
      : integer(count, "a number of turns", 0, Number.MAX_SAFE_INTEGER),
  };
}
