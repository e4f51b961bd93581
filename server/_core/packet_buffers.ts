/** The longest payload over UDP is shorter; what fills one has been cut. */
const BUFFER_SIZE = 65_536;
/** The most that is taken whole, in bytes. */
export const LONGEST_PACKET = BUFFER_SIZE - 1;
/** How many buffers handlers may have at a time. */
const MOST_LENT = 16;

/** What the datagrams of one server are received into. */
export class PacketBuffers {
  /** The buffer for the next datagram. */
  next: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE);
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  /** In no order: one taken back gives its place to the last. */
  readonly #lent: Uint8Array<ArrayBuffer>[] = [];

  /**
   * Leaves the buffer that was just received into to whoever has a part of it,
   * and goes on with another.
   *
   * @returns Whether there is another.
   */
  lend(): boolean {
    if (this.#lent.length >= MOST_LENT) return false;
    this.#lent.push(this.next);
    this.next = this.#spare.pop() ?? new Uint8Array(BUFFER_SIZE);
    return true;
  }

  /** Takes back what was lent, by its memory; of a copy there is nothing. */
  takeBack(memory: ArrayBuffer): void {
    const lent = this.#lent;
    for (let i = 0; i < lent.length; i++) {
      const buffer = lent[i]!;
      if (buffer.buffer !== memory) continue;
      const last = lent.pop()!;
      if (last !== buffer) lent[i] = last;
      // Empty if it was transferred to another thread.
      if (buffer.length > 0) this.#spare.push(buffer);
      return;
    }
  }
}
