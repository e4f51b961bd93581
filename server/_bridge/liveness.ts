import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import type { NearSide } from "./near_side.ts";

/** How long an event loop that is asked may take to answer, in milliseconds. */
export const ANSWER_TIMEOUT = 1_000;

/**
 * Watches a handler that measures its requests itself, which it cannot do while it
 * holds up the event loop that it runs on.
 *
 * @param side Where it runs.
 * @param ms How long a request may take, in milliseconds.
 * @param stuck Told, once, if that event loop does not answer any more.
 * @returns Ends the watch.
 */
export function watchLiveness(
  side: NearSide,
  ms: number,
  stuck: () => void,
): () => void {
  let answerTimer: ReturnType<typeof setTimeout> | undefined;
  const ask = () => {
    if (answerTimer !== undefined) return;
    answerTimer = setTimeout(() => {
      end();
      stuck();
    }, ANSWER_TIMEOUT);
    side.ping().then(() => {
      clearTimeout(answerTimer);
      answerTimer = undefined;
    });
  };
  const asking = setInterval(ask, Math.min(ms, LONGEST_DELAY));
  const end = () => {
    clearInterval(asking);
    clearTimeout(answerTimer);
  };
  return end;
}
