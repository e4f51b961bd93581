let last: Promise<void> = Promise.resolve();

/**
 * Lets everything else have a turn of the event loop, and then gives one to
 * whoever called, alone: what takes long would take as many times as long if
 * all who wait went on in the same turn.
 */
export function nextTurn(): Promise<void> {
  return last = last.then(turn);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
