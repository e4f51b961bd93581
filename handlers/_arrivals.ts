/** How often the event loop must have slept, to have looked at the kernel. */
const SLEEPS = 3;
/** How long it is to sleep, in milliseconds. */
const SLEEP = 3;
/** A timer that is later than this, in milliseconds, was not slept for. */
const LATE = 2;
/** How long a busy event loop that brings nothing is waited for, in milliseconds. */
const MOST_TIME = 1_000;

/** After how many looks at the kernel all is there, though more arrives meanwhile. */
const ENOUGH_LOOKS = 100;
/** How long is waited at most, in milliseconds. */
const MOST_IN_ALL = 5_000;

/** When something last arrived that was waited for, in `performance.now()` time. */
let arrivedAt = -Infinity;

/** Says that a read that was under way has got something. */
export function noteArrival(): void {
  arrivedAt = performance.now();
}

/** That of those who ask in this turn. */
let asking: Promise<void> | undefined;

/**
 * Waits until reads that are under way have got what the kernel has already
 * received for them. Whoever ends something that waits for a peer calls this
 * first: the peer's kernel was told that its bytes had arrived.
 *
 * Deno's event loop looks at the kernel before it sleeps, and a look reports
 * 1,024 sockets. While it has something to do it may go on for hundreds of turns
 * without one. So nothing must have arrived while it slept for a timer a few
 * times, which then is on time. What keeps it busy for a second in which nothing
 * arrives is other work. A peer that goes on sending holds nobody up for long: what
 * comes behind so many looks was not there before.
 *
 * @returns A promise that resolves after some 10 ms, in a busy process later.
 */
export function arrivals(): Promise<void> {
  if (asking === undefined) {
    asking = sleep();
    // Those who ask in a later turn have to wait as long.
    queueMicrotask(() => asking = undefined);
  }
  return asking;
}

async function sleep(): Promise<void> {
  const asked = performance.now();
  let since = asked;
  let looks = 0;
  for (let slept = 0; slept < SLEEPS;) {
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, SLEEP));
    const now = performance.now();
    const inTime = now - began < SLEEP + LATE;
    if (inTime && ++looks === ENOUGH_LOOKS || now - asked > MOST_IN_ALL) return;
    if (arrivedAt >= began) {
      slept = 0;
      since = now;
    } else if (inTime) slept++;
    else if (now - since > MOST_TIME) return;
  }
}
