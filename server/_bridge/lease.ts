/**
 * Memory that a carrier lends, for bytes that need not be copied: the sender
 * fills it, or the receiver keeps what came in it until it has used it.
 */
export interface Lease {
  /** By which the carrier knows it. */
  readonly number: number;
  /** All of its memory. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /**
   * Keeps it, beyond the call in which its bytes are lent, until `free`.
   *
   * @param recall Called when others need it: has to free it then.
   */
  keep(recall?: () => void): void;
  /** Gives it back: its bytes may be others' from now on. */
  free(): void;
}

/** Where a carrier has memory to lend. */
export interface Lender {
  /** Lends memory that is to be filled and sent, or freed, unless none is left. */
  take(): Lease | undefined;
  /**
   * Sends the first bytes of what was lent. It is the other side's from then on.
   *
   * @param channel To whom.
   * @param lease What was lent.
   * @param size How many bytes of it.
   */
  send(channel: number, lease: Lease, size: number): void;
}
