import { setImmediate } from "node:timers";

/** How many steps that waited for nothing are taken in one turn, of all. */
const MOST_IN_TURN = 16;

/** Those that wait, in the order they came. */
const waiting: (() => void)[] = [];
let left = MOST_IN_TURN;

/**
 * Lets others have their turn of the event loop. Serving a request that has come
 * already waits for nothing, and a client that never stops sending would leave
 * no time for anybody else; nor would a body that gives empty chunks. Many of
 * that kind would do the same, which is why all of them together are counted.
 *
 * @returns Nothing where the next step may be taken now, which it mostly may, or
 * a promise of the turn in which it may.
 */
export function nextTurn(): Promise<void> | undefined {
  if (left > 0) {
    left--;
    return undefined;
  }
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(release);
  });
}

/** Each call lets some go on, and those behind them wait for the next. */
function release(): void {
  const released = waiting.splice(0, MOST_IN_TURN);
  left = waiting.length > 0 ? 0 : MOST_IN_TURN - released.length;
  if (waiting.length > 0) setImmediate(release);
  for (const resolve of released) resolve();
}
