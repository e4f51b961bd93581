import { SMALL_BUFFER } from "./_small_buffers.ts";

/**
 * So many small reads in a row let the next be smaller. One of them may be the
 * rest of a message that did not fit: the next such message shall.
 */
const FEW_SMALL = 2;

/**
 * How large a buffer the next read of a connection gets: small at first, larger
 * as long as reads fill it, and smaller again for a read that may wait for long.
 */
export class ReadSize {
  readonly #waiting: number;
  readonly #largest: number;
  #bytes = SMALL_BUFFER;
  #small = 0;

  /**
   * @param waiting The most that a read gets which may wait, in bytes.
   * @param largest The most that any gets, in bytes.
   */
  constructor(waiting: number, largest: number) {
    this.#waiting = waiting;
    this.#largest = largest;
  }

  /** In bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes that a read into `room` bytes has given `n`. */
  note(n: number, room: number): void {
    const isSmall = n < room / 4;
    this.#small = isSmall ? this.#small + 1 : 0;
    if (n === room) {
      // There is more: the next read will not wait.
      this.#bytes = Math.min(this.#bytes * 4, this.#largest);
    } else if (this.#bytes > this.#waiting) this.#bytes = this.#waiting;
    else if (this.#small >= FEW_SMALL) this.#bytes = SMALL_BUFFER;
  }
}
