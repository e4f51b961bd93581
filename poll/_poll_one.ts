import { libc } from "./_libc.ts";
import type { Deadline } from "./_timeout.ts";

const one = new Int32Array(2);

/**
 * Blocks until a descriptor is ready.
 *
 * @returns False if the deadline passed.
 */
export function pollOne(
  fd: number,
  events: number,
  deadline: Deadline,
): boolean {
  while (true) {
    one[0] = fd;
    one[1] = events;
    // One `struct pollfd` of 8 bytes, ours and kept. A failure (EINTR, ENOMEM)
    // is a false alarm: the caller tries, and waits again.
    if (libc().poll(one, 1n, deadline.left) !== 0) return true;
    if (deadline.passed) return false;
  }
}

/** Blocks for some milliseconds. */
export function sleepSync(milliseconds: number): void {
  // No descriptors: poll(2) with none only waits.
  libc().poll(one, 0n, milliseconds);
}
