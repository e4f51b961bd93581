/**
 * The size of a buffer, in bytes. The longest payload over UDP is shorter, so a
 * datagram that fills a buffer has been cut.
 */
const BUFFER_SIZE = 65_536;
/** The most that is taken whole, in bytes. */
export const LONGEST_PACKET = BUFFER_SIZE - 1;
/** How many buffers handlers may have at a time. */
const MOST_LENT = 16;

/** The buffers that the datagrams of one server are received into. */
export class PacketBuffers {
  /** The buffer for the next datagram. */
  next: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE);
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  /** In no order: the last takes the place of the one that is taken back. */
  readonly #lent: Uint8Array<ArrayBuffer>[] = [];

  /**
   * Lends the buffer that was just received into to the handler that has a part
   * of it, and takes another for the next datagram.
   *
   * @returns Whether it was lent: only so many may be.
   */
  lend(): boolean {
    if (this.#lent.length >= MOST_LENT) return false;
    this.#lent.push(this.next);
    this.next = this.#spare.pop() ?? new Uint8Array(BUFFER_SIZE);
    return true;
  }

  /** Takes back the buffer with this memory, if it was lent: a copy was not. */
  takeBack(memory: ArrayBuffer): void {
    const lent = this.#lent;
    for (let i = 0; i < lent.length; i++) {
      const buffer = lent[i]!;
      if (buffer.buffer !== memory) continue;
      const last = lent.pop()!;
      if (last !== buffer) lent[i] = last;
      // A buffer that was transferred to another thread is empty, and of no use.
      if (buffer.length > 0) this.#spare.push(buffer);
      return;
    }
  }
}
