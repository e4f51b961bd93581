import { ProtocolError } from "../_bridge/frames.ts";

/** What a message counts beside its bytes: the work that the smallest makes. */
const EACH = 256;

/**
 * How much a thread or process may have posted that the server has not handled, in
 * bytes, where each message counts as 256 more.
 */
export const POST_WINDOW = 512 * 1024;

/**
 * How much a server may have sent to a thread or process that has not taken it, in
 * bytes, where each message counts as 256 more.
 */
export const BROADCAST_WINDOW = 16 * 1024 * 1024;

/** What a message counts. */
export function costOf(message: Uint8Array): number {
  return message.length + EACH;
}

/** The messages one way that have not been taken, for either side. */
export class MessageWindow {
  readonly #most: number;
  #under = 0;

  /** @param most How much they may count together. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether no more than half of it is used. */
  get halfEmpty(): boolean {
    return this.#under <= this.#most / 2;
  }

  /**
   * Adds one.
   *
   * @returns Whether there was room.
   */
  enter(cost: number): boolean {
    if (this.#under + cost > this.#most) return false;
    this.#under += cost;
    return true;
  }

  /**
   * Some were taken.
   *
   * @throws {ProtocolError} If there were none.
   */
  leave(cost: number): void {
    if (cost === 0 || cost > this.#under) {
      throw new ProtocolError(
        `Cannot take messages: ${cost} bytes of them were not sent`,
      );
    }
    this.#under -= cost;
  }
}
