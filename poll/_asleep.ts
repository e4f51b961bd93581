/**
 * The loops that wait, by the dispatchers that they serve: code that runs meanwhile
 * may change what there is to wait for.
 */
const asleep = new WeakMap<object, Set<() => void>>();

/**
 * Notes a loop that begins to wait.
 *
 * @param map The dispatchers that it serves.
 * @param wake Ends its wait.
 */
export function fallAsleep(map: object, wake: () => void): void {
  let wakes = asleep.get(map);
  if (wakes === undefined) asleep.set(map, wakes = new Set());
  wakes.add(wake);
}

/** Forgets a loop that waits no more. */
export function wakeUp(map: object, wake: () => void): void {
  asleep.get(map)?.delete(wake);
}

/** Has the loops that serve these dispatchers ask them anew what they wait for. */
export function wakeLoops(map: object): void {
  for (const wake of asleep.get(map) ?? []) wake();
}
