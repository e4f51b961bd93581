/** Bytes that a handler left to be sent. A `StreamWriter` is one. */
export interface Unsent {
  /** How many bytes are left. */
  readonly bufferedAmount: number;
  /**
   * Waits until nothing is left.
   *
   * @returns A promise that rejects if sending fails.
   */
  flush(): Promise<void>;
}
