import { setImmediate } from "node:timers/promises";

/** Promised calls in a row that may succeed at once. */
const IN_A_ROW = 64;

let calls = 0;

/**
 * A promised call that succeeds at once settles before timers and other events
 * get their turn. A peer that never stops sending would keep them from it for
 * ever, so now and then a call lets them in.
 */
export function turn(): Promise<void> | undefined {
  if (++calls < IN_A_ROW) return undefined;
  calls = 0;
  return setImmediate();
}
