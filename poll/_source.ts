/** What became of asking the kernel to watch a descriptor. */
export type Armed =
  /** It will be reported. */
  | "armed"
  /** It cannot be waited for, as a file on disk: what poll(2) says stays true. */
  | "unwatchable"
  /** It is not open. */
  | "gone";

/** A way to wait in the kernel on another thread. */
export interface Source {
  /** Whether there were no descriptors for it: it wakes up late, but works. */
  readonly limping?: boolean;
  /**
   * Asks to be told once when any of `events` comes, in place of what was asked
   * before. Only where nobody waits for the descriptor yet may it be one that
   * the kernel's set does not have.
   */
  arm(fd: number, events: number, first: boolean): Armed;
  /** Forgets a descriptor that is about to be closed. */
  forget(fd: number): void;
  /**
   * Waits on another thread until something comes, `interrupt` is called, or
   * the heartbeat has passed.
   *
   * @returns How many descriptors `fdAt` and `eventsAt` tell of.
   */
  wait(): Promise<number>;
  fdAt(index: number): number;
  eventsAt(index: number): number;
  /** Makes `wait` return. */
  interrupt(): void;
  /** Gives its descriptors back. `wait` must not be running. */
  close(): void;
}

/**
 * The longest stay in the kernel, in milliseconds. A Worker that is terminated
 * gets its thread back after it, and a descriptor that was closed behind our
 * back is noticed.
 */
export const HEARTBEAT = 1000;
