/**
 * So many turns of the microtask queue without news are quiet. A request that
 * follows another at once, such as the next that is accepted, takes a few.
 */
const QUIET_TURNS = 8;

/**
 * Waits for whatever else happens in this tick.
 *
 * @param level Grows with each thing that happens.
 * @param enough The level above which it waits for no more.
 */
export async function untilQuiet(
  level: () => number,
  enough: number,
): Promise<void> {
  let last = level();
  for (let quiet = 0; quiet < QUIET_TURNS && last <= enough; quiet++) {
    await null;
    const now = level();
    if (now === last) continue;
    last = now;
    quiet = 0;
  }
}
