import { ProtocolError, WINDOW } from "./frames.ts";

/** How many windows of a thread may be larger than `WINDOW` at a time. */
const MOST_GROWN = 16;
let grown = 0;
/**
 * How soon half a window must be taken after the half before, in milliseconds:
 * one that is seldom used up need not be larger.
 */
const SOON = 100;

/**
 * How many bytes of one direction of a connection the other side may send, as
 * the side that receives them sees it.
 *
 * Where much comes and is taken at once, the window grows: each time the
 * sender has to wait for credit, one of the two threads has to be woken. As the
 * window is what a connection holds when nothing more is taken, few may grow.
 */
export class ReceiveWindow {
  readonly #largest: number;
  #size = WINDOW;
  #waiting = 0;
  /** Bytes that were taken since the other side was last told. */
  #owed = 0;
  /** When the other side was last told, in milliseconds. */
  #told: number;
  /** Whether nothing was left at some time since then. */
  #emptied = false;
  #closed = false;
  readonly #now: () => number;

  /**
   * @param largest How far it may grow, in bytes.
   * @param now The clock, in milliseconds.
   */
  constructor(largest: number, now: () => number = () => performance.now()) {
    this.#largest = largest;
    this.#now = now;
    this.#told = now();
  }

  /** How many bytes have come and were not taken. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Bytes have come.
   *
   * @throws {ProtocolError} If they are more than the other side may send.
   */
  receive(bytes: number): void {
    this.#waiting += bytes;
    if (this.#waiting + this.#owed > this.#size) {
      throw new ProtocolError(
        `Cannot take ${bytes} bytes: they are more than there is credit for`,
      );
    }
  }

  /**
   * Some of them were taken.
   *
   * @returns How many bytes more the other side may send, when it is to be told.
   */
  take(bytes: number): number {
    this.#waiting -= bytes;
    if (this.#waiting === 0) this.#emptied = true;
    this.#owed += bytes;
    if (this.#owed < this.#size / 2) return 0;
    const now = this.#now();
    const fast = this.#emptied && now - this.#told < SOON;
    const credit = this.#owed + (fast ? this.#grow() : 0);
    this.#owed = 0;
    this.#emptied = false;
    this.#told = now;
    return credit;
  }

  /** Nothing more is received: others may grow. */
  close(): void {
    if (!this.#closed && this.#size > WINDOW) grown--;
    this.#closed = true;
  }

  /** By how much the window is larger from now on. */
  #grow(): number {
    const before = this.#size;
    if (this.#closed || before === this.#largest) return 0;
    if (before === WINDOW) {
      if (grown === MOST_GROWN) return 0;
      grown++;
    }
    this.#size = Math.min(2 * before, this.#largest);
    return this.#size - before;
  }
}
