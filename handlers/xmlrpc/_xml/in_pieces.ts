import { nextTurn } from "../../_next_turn.ts";

/** How long the pieces of one turn of the event loop may take, in milliseconds. */
const LONGEST_TURN = 10;

/** Work that can be interrupted wherever it yields, and ends with a result. */
export type InPieces<T> = Generator<undefined, T, undefined>;

/** How many steps, such as values, a piece has where each is short. */
export const STEPS = 100;

/** Does all of it at once. */
export function atOnce<T>(work: InPieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Does it piece by piece, and lets everything else have its turns. */
export async function inTurns<T>(work: InPieces<T>): Promise<T> {
  let began = performance.now();
  for (;;) {
    const { done, value } = work.next();
    // After the last one too: what follows may take as long.
    if (performance.now() - began > LONGEST_TURN) {
      await nextTurn();
      began = performance.now();
    }
    if (done) return value;
  }
}
