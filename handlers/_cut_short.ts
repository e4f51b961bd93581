/** The name of {@linkcode Resetting}'s method. */
export const RESET: unique symbol = Symbol("reset");

/** A connection of this module's that can be closed so that its end shows. */
export interface Resetting {
  /**
   * Has the close that follows look like no end: what was sent is not all.
   */
  [RESET](): void;
}

/** Whether a connection is one. */
export function isResetting(connection: object): connection is Resetting {
  return RESET in connection;
}
