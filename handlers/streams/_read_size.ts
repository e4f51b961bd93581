import { SMALL_BUFFER } from "./_small_buffers.ts";

/**
 * So many small reads in a row let the next be smaller. One of them may be the
 * rest of a message that did not fit: the next such message shall.
 */
const FEW_SMALL = 2;

/**
 * How much the larger buffers of reads that wait may take in a thread, in bytes.
 * Where more connections than these have carried much, and wait now, the others
 * wait in a small buffer, and get what comes in several reads.
 */
const MOST_WAITING = 4 * 1024 * 1024;
/** As much where the read before was filled: the next one hardly waits. */
const MOST_BUSY = 64 * 1024 * 1024;

/** How much they take now. */
let taken = 0;

/** What the buffer of a read that waits takes, in bytes. */
interface Share {
  bytes: number;
}

/** Gives back what is waited for by nobody any more: its source never answers. */
const abandoned = new FinalizationRegistry<Share>(({ bytes }) => {
  taken -= bytes;
});

/**
 * Checks that a read can have got `n` bytes of `room`.
 *
 * @throws {TypeError} If it cannot: whoever reads on and on would never end.
 */
export function checkRead(n: number, room: number): void {
  if (Number.isInteger(n) && n > 0 && n <= room) return;
  throw new TypeError(
    `Cannot read into ${room} bytes: read() gave ${n}; it must give 1 to ${room}, or null at the end`,
  );
}

/**
 * How large a buffer the next read of a connection gets: small at first, larger
 * as long as reads fill it, and small again where little comes.
 */
export class ReadSize {
  readonly #modest: number;
  readonly #largest: number;
  #bytes = SMALL_BUFFER;
  #small = 0;
  #filled = false;
  /** How much of what is taken is this one's, if it ever took any. */
  #own: Share | undefined;

  /**
   * @param modest What any read may get, in bytes.
   * @param largest The most that one gets, in bytes.
   */
  constructor(modest: number, largest: number) {
    this.#modest = modest;
    this.#largest = largest;
  }

  /** Whether the last read was large, and filled: there is more. */
  get expectsMuch(): boolean {
    return this.#filled && this.#bytes > this.#modest;
  }

  /**
   * Begins a read.
   *
   * @param most The most that is asked for, in bytes.
   * @returns How large its buffer shall be.
   */
  begin(most = Infinity): number {
    const size = Math.max(SMALL_BUFFER, Math.min(this.#bytes, most));
    if (size <= this.#modest) return size;
    if (taken + size > (this.#filled ? MOST_BUSY : MOST_WAITING)) {
      return this.#modest;
    }
    this.#ownShare().bytes = size;
    taken += size;
    return size;
  }

  /**
   * Ends a read that has got `n` bytes of `room`.
   *
   * @throws {TypeError} If a read cannot have got as many.
   */
  end(n: number, room: number): void {
    this.fail();
    checkRead(n, room);
    this.#filled = n === room;
    const isSmall = !this.#filled && n < this.#bytes / 4;
    this.#small = isSmall ? this.#small + 1 : 0;
    if (this.#filled) {
      this.#bytes = Math.min(this.#bytes * 4, this.#largest);
    } else if (this.#small === FEW_SMALL) this.#bytes = SMALL_BUFFER;
  }

  /** Ends a read that has got nothing. */
  fail(): void {
    if (this.#own === undefined) return;
    taken -= this.#own.bytes;
    this.#own.bytes = 0;
  }

  #ownShare(): Share {
    if (this.#own === undefined) {
      this.#own = { bytes: 0 };
      abandoned.register(this, this.#own);
    }
    return this.#own;
  }
}
